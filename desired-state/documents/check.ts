import { z } from 'zod'
import type { Mistake } from '../state.ts'
import { didYouMean } from '../suggest.ts'
import type { Path, Source } from '../yaml.ts'

/** Collects every mistake of one document. */
export interface Report {
  readonly mistakes: Mistake[]
  say(path: Path, message: string, where?: 'key' | 'value'): void
}

export function reportOn(source: Source): Report {
  const mistakes: Mistake[] = []
  return { mistakes, say: (path, message, where) => void mistakes.push(source.mistake(path, message, where)) }
}

/** The value as the schema gives it, or undefined when it broke a rule; every broken rule is reported. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  path: Path,
  report: Report,
): z.output<Schema> | undefined {
  const result = schema.safeParse(value, { error: issue => sentence(issue, path) })
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const at = [...path, ...issue.path.filter(step => typeof step !== 'symbol')]
    if (issue.code !== 'unrecognized_keys') {
      report.say(at, issue.message)
      continue
    }
    const known = keysOf(schema, at.slice(path.length))
    for (const key of issue.keys) report.say([...at, key], unknownKey(key, known), 'key')
  }
  return undefined
}

/** The entries of a map that is the only key of a document, like `domains:`. Empty when it has none, or too many. */
export function entriesOf(source: Source, key: string, most: number, example: string, report: Report): [string, unknown][] {
  const document = source.value ?? {}
  if (!isMap(document)) {
    report.say([], `this file must begin with "${key}:" and have its entries below, indented, like ${example}`)
    return []
  }
  for (const other of Object.keys(document)) {
    if (other !== key) report.say([other], unknownKey(other, [key]), 'key')
  }
  const map = document[key] ?? {}
  if (isMap(map)) {
    const entries = Object.entries(map)
    if (entries.length <= most) return entries
    report.say([key], `${key} has ${entries.length} entries, and may have ${most}: remove some`, 'key')
    return []
  }
  report.say(
    [key],
    tightColon(map) ?? `${key} must be a map, and is ${describe(map)}: write entries below it, indented, like ${example}`,
  )
  return []
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `token:VALUE` is one long text to YAML, and the value may be secret. */
function tightColon(text: unknown): string | undefined {
  const [, joined] = typeof text === 'string' ? (/^([A-Za-z_][\w.-]*):\S/.exec(text) ?? []) : []
  return joined === undefined ? undefined : `${joined}: wants a blank behind the colon`
}

function unknownKey(key: string, known: readonly string[]): string {
  return (
    tightColon(key) ?? `unknown key ${JSON.stringify(key)}${didYouMean(key, known) || `: the keys here are ${known.join(', ')}`}`
  )
}

function keysOf(schema: z.core.$ZodType, path: Path): string[] {
  let at: unknown = schema
  for (const step of path) {
    at = unwrap(at)
    if (at instanceof z.ZodObject) at = at.shape[String(step)]
    else if (at instanceof z.ZodArray) at = at.element
    else if (at instanceof z.ZodRecord) at = at.valueType
  }
  at = unwrap(at)
  if (at instanceof z.ZodDiscriminatedUnion) return [...new Set(at.options.flatMap(option => keysOf(option, [])))]
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap())
  return schema instanceof z.ZodPipe ? unwrap(schema.in) : schema
}

type RawIssue = Parameters<z.core.$ZodErrorMap>[0]

function sentence(issue: RawIssue, base: Path): string {
  const name = fieldName([...base, ...(issue.path ?? [])])
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return `${name} is missing`
      return (
        (isMapKind(issue.expected) ? tightColon(issue.input) : undefined) ??
        `${name} must be ${wanted(issue.expected)}, and is ${describe(issue.input)}${quotesHint(issue.expected, issue.input)}`
      )
    case 'invalid_value':
      return `${name} must be ${oneOf(issue.values)}, and is ${describe(issue.input)}`
    case 'too_small':
      return `${name} must be at least ${issue.minimum}${unit(issue.origin)}, and is ${describe(issue.input)}`
    case 'too_big':
      return `${name} must be at most ${issue.maximum}${unit(issue.origin)}, and is ${describe(issue.input)}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? `${name} is no name that fits`
    default:
      return `${name} has a value that does not fit: ${describe(issue.input)}`
  }
}

function fieldName(path: readonly PropertyKey[]): string {
  const last = path.at(-1)
  if (typeof last !== 'number') return String(last ?? 'this document')
  return `${String(path.at(-2))}[${last}]`
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list in square brackets, like [one, two]',
  object: 'a map, like { key: value }',
  record: 'a map, like { key: value }',
}

const isMapKind = (expected: string) => expected === 'object' || expected === 'record'
const wanted = (expected: string) => kinds[expected] ?? expected

function quotesHint(expected: string, input: unknown): string {
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')) return ': write quotes around it'
  const unquoted = { number: /^-?\d+(\.\d+)?$/, int: /^-?\d+$/, boolean: /^(true|false)$/ }[expected]
  return typeof input === 'string' && unquoted?.test(input) ? ': remove the quotes' : ''
}

const unit = (origin: string) => (origin === 'string' ? ' characters long' : origin === 'array' ? ' entries long' : '')

const oneOf = (values: readonly unknown[]) => {
  const words = values.map(String)
  return words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** A value as a person would name it; short. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value !== 'string') return String(value)
  return value.length > 60 ? `text of ${value.length} characters` : JSON.stringify(value.replace(/\/\/[^/@]*@/g, '//…@'))
}

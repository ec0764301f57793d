import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import type { Mistake } from './state.ts'
import { type Slip, slipOf, tightColon } from './yaml-slips.ts'

/** Largest document that is read, in bytes. */
export const largestDocument = 1024 * 1024

/** The parser takes quadratic time over blank lines. */
const mostLines = 100_000
const deepest = 16
const mostSyntaxMistakes = 10

export type Path = readonly (string | number)[]

/** A YAML document as plain values, which remembers where each of them stands. */
export interface Source {
  readonly file: string
  readonly value: unknown
  /** A mistake at the value of a path, at its key, or at the nearest of its parents that the document has. */
  mistake(path: Path, message: string, where?: 'key' | 'value'): Mistake
}

export type SourceResult = { readonly source: Source } | { readonly mistakes: readonly Mistake[] }

export type Text = { readonly text: string } | { readonly mistake: Mistake }

/** Text of a file that is UTF-8 and not too large. */
export function readText(file: string, bytes: Uint8Array): Text {
  if (bytes.byteLength > largestDocument) return { mistake: tooLarge(file, bytes.byteLength) }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.startsWith(pointer) ? { mistake: isPointer(file) } : { text }
  } catch {
    const line = firstLineThatIsNotUtf8(bytes)
    return { mistake: { file, line, column: 1, message: 'this line is not UTF-8: save the file with the encoding UTF-8' } }
  }
}

/** What Git LFS leaves in a repository in the place of a file. */
const pointer = 'version https://git-lfs.github.com/spec/'
const isPointer = (file: string): Mistake => ({
  ...{ file, line: 1, column: 1 },
  message: 'this is a pointer of Git LFS, and the text is elsewhere: git lfs untrack it, and commit the file itself',
})

export const tooLarge = (file: string, size: number): Mistake => ({
  file,
  line: 1,
  column: 1,
  message: `the file has ${size} bytes, and a document may have ${largestDocument}: make it smaller`,
})

export function readYaml(file: string, bytes: Uint8Array): SourceResult {
  const read = readText(file, bytes)
  if ('mistake' in read) return { mistakes: [read.mistake] }
  const lines = read.text.split('\n', mostLines + 1).length
  if (lines <= mostLines) return readYamlText(file, read.text)
  const message = `the file has more than ${mostLines} lines: remove some`
  return { mistakes: [{ file, line: mostLines + 1, column: 1, message }] }
}

export function readYamlText(file: string, text: string): SourceResult {
  const parsed = parse(text)
  const mistakes = syntaxMistakes(file, parsed)
  if (mistakes.length > 0) return { mistakes }
  const found: Slip[] = []
  const value = plain(parsed.document.contents, found, 0)
  if (found.length > 0) return { mistakes: found.map(({ offset, message }) => mistakeAt(file, parsed.lines, offset, message)) }
  // Nodes weigh fifty times their text: they are made anew for the rare document that has a mistake.
  let nodes: Parsed | undefined
  const mistake: Source['mistake'] = (path, message, where = 'value') => {
    nodes ??= parse(text)
    return mistakeAt(file, nodes.lines, offsetOf(nodes, path, where), message)
  }
  return { source: { file, value, mistake } }
}

interface Parsed {
  readonly document: Document.Parsed
  readonly lines: LineCounter
  /** Entries by key, of the maps that were looked into: ten thousand mistakes would each walk through all of them. */
  readonly entries: Map<YAMLMap.Parsed, ReadonlyMap<string, MapItems[number]>>
}

function parse(text: string): Parsed {
  const lines = new LineCounter()
  // The library's own check for duplicate keys takes quadratic time; `plain` makes it in linear time.
  const options = { lineCounter: lines, uniqueKeys: false, stringKeys: true, prettyErrors: false, logLevel: 'error' } as const
  return { document: parseDocument(text, options), lines, entries: new Map() }
}

function syntaxMistakes(file: string, { document, lines }: Parsed): Mistake[] {
  const mistakes = new Map<number, Mistake>()
  for (const problem of [...document.errors, ...document.warnings]) {
    const { offset, message, isLast } = slipOf(document, problem)
    const mistake = mistakeAt(file, lines, offset, message)
    // One slip makes the parser stumble several times on the same line: the first is the one to read.
    if (!mistakes.has(mistake.line)) mistakes.set(mistake.line, mistake)
    if (isLast || mistakes.size === mostSyntaxMistakes) break
  }
  return [...mistakes.values()]
}

function plain(node: ParsedNode | null, found: Slip[], depth: number): unknown {
  if (node === null) return null
  if (depth > deepest) {
    found.push({ offset: node.range[0], message: `this is nested more than ${deepest} levels deep` })
    return null
  }
  if (isAlias(node)) {
    found.push({
      offset: node.range[0],
      message: `*${node.source} repeats another value, which is not supported: write the value out`,
    })
    return null
  }
  if (isScalar(node)) return node.value
  if (isSeq(node)) return node.items.map(item => (isPair(item) ? null : plain(item, found, depth + 1)))
  return isMap(node) ? plainMap(node.items, found, depth) : null
}

type MapItems = Extract<ParsedNode, { items: { key: unknown }[] }>['items']

function plainMap(items: MapItems, found: Slip[], depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = Object.create(null)
  for (const { key, value } of items) {
    const name = isScalar(key) ? String(key.value ?? '') : ''
    const tight = tightColon(key)
    if (tight !== undefined) found.push({ offset: tight, message: 'write a blank behind this colon' })
    if (Object.hasOwn(map, name)) {
      found.push({ offset: key.range[0], message: `${JSON.stringify(name)} is here twice: keep one of them` })
    }
    map[name] = plain(value, found, depth + 1)
  }
  return map
}

function entriesOf(map: YAMLMap.Parsed, { entries }: Parsed): ReadonlyMap<string, MapItems[number]> {
  const known = entries.get(map)
  if (known !== undefined) return known
  const made = new Map<string, MapItems[number]>()
  for (const item of map.items) {
    const name = isScalar(item.key) ? String(item.key.value ?? '') : undefined
    if (name !== undefined && !made.has(name)) made.set(name, item)
  }
  entries.set(map, made)
  return made
}

function offsetOf(parsed: Parsed, path: Path, where: 'key' | 'value'): number {
  let node: ParsedNode | null = parsed.document.contents
  let offset = 0
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1
    if (isMap(node)) {
      const pair: MapItems[number] | undefined = entriesOf(node, parsed).get(String(step))
      if (pair === undefined) return offset
      offset = pair.key.range[0]
      node = pair.value
      if (last && where === 'key') return offset
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step]
      if (item === undefined || isPair(item)) return offset
      node = item
    } else {
      return offset
    }
    if (node !== null && !(isScalar(node) && node.value === null)) offset = node.range[0]
  }
  return offset
}

function mistakeAt(file: string, lines: LineCounter, offset: number, message: string): Mistake {
  const { line, col } = lines.linePos(offset)
  return { file, line: Math.max(1, line), column: Math.max(1, col), message }
}

function firstLineThatIsNotUtf8(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  let start = 0
  while (start < bytes.byteLength) {
    const newline = bytes.indexOf(10, start)
    const end = newline === -1 ? bytes.byteLength : newline
    try {
      decoder.decode(bytes.subarray(start, end))
    } catch {
      return line
    }
    start = end + 1
    line += 1
  }
  return 1
}

import { Document, isMap, isScalar, type ParsedNode, parseDocument, type YAMLMap } from 'yaml'
import { ApplianceError } from '../runtime/os/errors.ts'

/** Every value stays on one line, whatever it contains. */
const layout = { lineWidth: 0, blockQuote: false, doubleQuotedMinMultiLineLength: 100_000 } as const

type Entries = YAMLMap.Parsed<ParsedNode, ParsedNode | null>
type Entry = Entries['items'][number]

/** A map of a document whose keys are names: `domains` of domains.yaml. */
export interface NamedMap {
  /** `domains.yaml`; its JSON Schema has the same name. */
  readonly file: string
  readonly map: string
  /** Whether a key of the file, as written, means this name. */
  readonly means: (key: string, name: string) => boolean
}

export type Declaration = Readonly<Record<string, unknown>>

/**
 * A document with an entry added at the end of its map, or replaced where it stands. Every other line stays as it was
 * written, comments included. The result is not judged here: whatever is wrong with it, the repository refuses to commit.
 */
export function setEntry(where: NamedMap, text: string | undefined, name: string, declaration: Declaration): string {
  const source = text === undefined || text.trim() === '' ? schemaLine(where) : text
  const document = open(where, source)
  const entries = entriesOf(where, document)
  if (entries === undefined) return addFirst(where, source, document, name, declaration)
  const entry = find(where, entries, name)
  if (entries.flow === true) {
    const written = isScalar(entry?.key) ? String(entry.key.value) : name
    document.setIn([where.map, written], document.createNode(declaration, { flow: true }))
    return document.toString(layout)
  }
  return entry === undefined ? addLast(source, entries, name, declaration) : replace(source, entry, declaration)
}

/** A document without an entry of its map; undefined when it has none of that name. Comments on lines of their own stay. */
export function removeEntry(where: NamedMap, text: string, name: string): string | undefined {
  const document = open(where, text)
  const entries = entriesOf(where, document)
  const entry = entries === undefined ? undefined : find(where, entries, name)
  if (entries === undefined || entry === undefined) return undefined
  if (entries.flow === true) {
    entries.items.splice(entries.items.indexOf(entry), 1)
    return document.toString(layout)
  }
  const start = text.lastIndexOf('\n', entry.key.range[0] - 1) + 1
  return text.slice(0, start) + text.slice(endOfLine(text, endOf(entry)) + 1)
}

const schemaLine = ({ file }: NamedMap) => `# yaml-language-server: $schema=.schemas/${file.replace('.yaml', '.schema.json')}\n`

const parse = (text: string): Document.Parsed => parseDocument(text, { uniqueKeys: false, stringKeys: true, logLevel: 'error' })

function open({ file }: NamedMap, text: string): Document.Parsed {
  const document = parse(text)
  const [problem] = document.errors
  if (problem === undefined) return document
  throw new ApplianceError('invalid', `${file} cannot be edited while it is not YAML: ${problem.message}`, {
    hint: 'repair it with git, and push',
  })
}

function entriesOf({ map }: NamedMap, document: Document.Parsed): Entries | undefined {
  const node = isMap(document.contents) ? pairOf(document.contents, key => key === map)?.value : undefined
  return isMap(node) ? node : undefined
}

const find = ({ means }: NamedMap, entries: Entries, name: string): Entry | undefined => pairOf(entries, key => means(key, name))

const pairOf = (map: Entries, wanted: (key: string) => boolean): Entry | undefined =>
  map.items.find(({ key }) => isScalar(key) && wanted(String(key.value)))

/** Below `domains:` without entries, after the comments that may follow it. */
function addFirst({ map }: NamedMap, source: string, document: Document.Parsed, name: string, declaration: Declaration): string {
  const body = source.endsWith('\n') ? source : `${source}\n`
  const key = isMap(document.contents) ? pairOf(document.contents, written => written === map) : undefined
  const isWritten = key?.value != null && key.value.range[1] > key.value.range[0]
  if (isWritten || (isMap(document.contents) && document.contents.flow === true)) {
    document.setIn([map], document.createNode({ [name]: declaration }))
    return document.toString(layout)
  }
  const heading = key === undefined ? `${map}:\n` : ''
  return `${body}${heading}${line('  ', name, declaration)}\n`
}

function addLast(source: string, entries: Entries, name: string, declaration: Declaration): string {
  const last = entries.items.at(-1)
  if (last === undefined) return source
  const end = endOfLine(source, endOf(last))
  return `${source.slice(0, end)}\n${line(indentOf(source, last), name, declaration)}${source.slice(end)}`
}

function replace(source: string, entry: Entry, declaration: Declaration): string {
  const { key, value } = entry
  const indent = indentOf(source, entry)
  if (isMap(value) && value.flow !== true) {
    const start = source.lastIndexOf('\n', value.range[0] - 1) + 1
    return source.slice(0, start) + rewritten(source.slice(start, value.range[1]), declaration) + source.slice(value.range[1])
  }
  const name = isScalar(key) ? String(key.value) : ''
  return source.slice(0, key.range[0]) + line(indent, name, declaration).trimStart() + source.slice(endOf(entry))
}

/** A block of `key: value` lines with other values; the comments between its lines stay with their keys. */
function rewritten(block: string, declaration: Declaration): string {
  const document = parse(block)
  const fields = document.contents
  if (!isMap(fields)) return block
  const wanted = new Map(Object.entries(declaration))
  fields.items = fields.items.filter(({ key }) => isScalar(key) && wanted.has(String(key.value)))
  for (const [name, value] of wanted) {
    const node = document.createNode(value, { flow: true })
    const before = pairOf(fields, key => key === name)?.value
    if (before?.comment) node.comment = before.comment
    document.setIn([name], node)
  }
  const indent = /^ */.exec(block)?.[0] ?? ''
  const text = document
    .toString(layout)
    .trimEnd()
    .replace(/^(?=.)/gm, indent)
  return block.endsWith('\n') ? `${text}\n` : text
}

function line(indent: string, name: string, declaration: Declaration): string {
  const document = new Document({})
  document.setIn([name], document.createNode(declaration, { flow: true }))
  return `${indent}${document.toString(layout).trimEnd()}`
}

function indentOf(source: string, entry: Entry): string {
  const start = source.lastIndexOf('\n', entry.key.range[0] - 1) + 1
  return /^ */.exec(source.slice(start))?.[0] ?? ''
}

/** Where the last character of an entry's value stands, without the line breaks and comments after it. */
function endOf({ key, value }: Entry): number {
  if (value === null) return key.range[1]
  if (isMap(value) && value.flow !== true) {
    const last = value.items.at(-1)
    return last === undefined ? value.range[1] : endOf(last)
  }
  return Math.max(value.range[1], key.range[1])
}

function endOfLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset)
  return end === -1 ? text.length : end
}

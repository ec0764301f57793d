import { Document, isMap, isScalar, type ParsedNode, parseDocument, type YAMLMap } from 'yaml'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { DomainDocument } from './documents/domain-schema.ts'
import { parseHost } from './documents/host.ts'

const schemaLine = '# yaml-language-server: $schema=.schemas/domains.schema.json\n'

/** Every value stays on one line, whatever it contains. */
const layout = { lineWidth: 0, blockQuote: false, doubleQuotedMinMultiLineLength: 100_000 } as const

type Domains = YAMLMap.Parsed<ParsedNode, ParsedNode | null>
type Entry = Domains['items'][number]

/**
 * `domains.yaml` with a domain added at the end, or replaced where it stands. Every other line stays as it was written,
 * comments included. The result is not judged here: whatever is wrong with it, the repository refuses to commit.
 */
export function setDomain(text: string | undefined, host: string, declaration: DomainDocument): string {
  const source = text === undefined || text.trim() === '' ? schemaLine : text
  const document = open(source)
  const domains = domainsOf(document)
  if (domains === undefined) return addFirst(source, document, host, declaration)
  const entry = find(domains, host)
  if (domains.flow === true) {
    const name = isScalar(entry?.key) ? String(entry.key.value) : host
    document.setIn(['domains', name], document.createNode(declaration, { flow: true }))
    return document.toString(layout)
  }
  return entry === undefined ? addLast(source, domains, host, declaration) : replace(source, entry, declaration)
}

/** `domains.yaml` without a domain; undefined when it has none of that name. Comments on lines of their own stay. */
export function removeDomain(text: string, host: string): string | undefined {
  const document = open(text)
  const domains = domainsOf(document)
  const entry = domains === undefined ? undefined : find(domains, host)
  if (domains === undefined || entry === undefined) return undefined
  if (domains.flow === true) {
    domains.items.splice(domains.items.indexOf(entry), 1)
    return document.toString(layout)
  }
  const start = text.lastIndexOf('\n', entry.key.range[0] - 1) + 1
  return text.slice(0, start) + text.slice(endOfLine(text, endOf(entry)) + 1)
}

function open(text: string): Document.Parsed {
  const document = parseDocument(text, { uniqueKeys: false, stringKeys: true, logLevel: 'error' })
  const [problem] = document.errors
  if (problem === undefined) return document
  throw new ApplianceError('invalid', `domains.yaml cannot be edited while it is not YAML: ${problem.message}`, {
    hint: 'repair it with git, and push',
  })
}

function domainsOf(document: Document.Parsed): Domains | undefined {
  const node = isMap(document.contents) ? pairOf(document.contents, key => key === 'domains')?.value : undefined
  return isMap(node) ? node : undefined
}

/** By its name as it is written, or as punycode. */
function find(domains: Domains, host: string): Entry | undefined {
  return pairOf(domains, key => {
    if (key === host) return true
    const parsed = parseHost(key)
    return 'ok' in parsed && parsed.ok === host
  })
}

const pairOf = (map: Domains, wanted: (key: string) => boolean): Entry | undefined =>
  map.items.find(({ key }) => isScalar(key) && wanted(String(key.value)))

/** Below `domains:` without entries, after the comments that may follow it. */
function addFirst(source: string, document: Document.Parsed, host: string, declaration: DomainDocument): string {
  const body = source.endsWith('\n') ? source : `${source}\n`
  const key = isMap(document.contents) ? pairOf(document.contents, name => name === 'domains') : undefined
  const isWritten = key?.value != null && key.value.range[1] > key.value.range[0]
  if (isWritten || (isMap(document.contents) && document.contents.flow === true)) {
    document.setIn(['domains'], document.createNode({ [host]: declaration }))
    return document.toString(layout)
  }
  const heading = key === undefined ? 'domains:\n' : ''
  return `${body}${heading}${line('  ', host, declaration)}\n`
}

function addLast(source: string, domains: Domains, host: string, declaration: DomainDocument): string {
  const last = domains.items.at(-1)
  if (last === undefined) return source
  const end = endOfLine(source, endOf(last))
  return `${source.slice(0, end)}\n${line(indentOf(source, last), host, declaration)}${source.slice(end)}`
}

function replace(source: string, entry: Entry, declaration: DomainDocument): string {
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
function rewritten(block: string, declaration: DomainDocument): string {
  const document = open(block)
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

function line(indent: string, host: string, declaration: DomainDocument): string {
  const document = new Document({})
  document.setIn([host], document.createNode(declaration, { flow: true }))
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

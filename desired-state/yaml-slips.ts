import { type Document, isCollection, isPair, isScalar, type YAMLParseError } from 'yaml'

/** Where a slip is, as an offset into the text, and in plain words what it is. */
export interface Slip {
  readonly offset: number
  readonly message: string
  /** It hides what comes after it: nothing said of that would be true. */
  readonly isLast?: true
}

/** What the parser stumbled over, for who writes the file; the library's own sentence where the slip is a rare one. */
export function slipOf(
  document: Document.Parsed,
  { code, message, pos }: YAMLParseError | Document.Parsed['warnings'][number],
): Slip {
  const opening = message.startsWith('Missing closing') ? openingQuote(document, pos[0]) : undefined
  return opening === undefined
    ? { offset: pos[0], message: sentence(code, message) }
    : {
        offset: opening,
        message: 'the quote that begins here does not end: write one at the end of the value as well',
        isLast: true,
      }
}

/** The parser tells where the text ends; the quote was forgotten where its value begins. */
function openingQuote(document: Document.Parsed, end: number): number | undefined {
  // The library's own walk copies the path at each step, which takes quadratic time where a document is deep.
  const open: unknown[] = [document.contents]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isPair(node)) open.push(node.value ?? [], node.key ?? [])
    else if (isCollection(node)) for (const item of node.items) open.push(item)
    else if (isScalar(node) && isQuoted(node.type) && node.range && node.range[0] < end && node.range[1] >= end)
      return node.range[0]
  }
  return undefined
}

const isQuoted = (type: string | undefined) => type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE'

function sentence(code: YAMLParseError['code'], message: string): string {
  const [, kind, end] = /^Flow (map|sequence) .*must .*end with a (\S)$/.exec(message) ?? []
  if (end !== undefined) return `a ${kind === 'map' ? '{' : '['} before this does not end: write ${end} behind its last entry`
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'a tab cannot indent in YAML: write spaces'
    case 'MULTIPLE_DOCS':
      return 'a second document begins here: keep one, without a line "---" between'
    case 'NON_STRING_KEY':
      return 'a key must be plain text, like name: …; in quotes where it begins with a sign, like "*.example.com": …'
    case 'TAG_RESOLVE_FAILED':
      return `${message.replace(/^Unresolved tag: /, 'unknown tag ')}: remove the word that begins with "!"`
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'this is not YAML: one line holds one "key: value"; write quotes around a value that contains ": "'
    case 'BAD_SCALAR_START':
      return `${message}: write quotes around the value`
    case 'MULTILINE_IMPLICIT_KEY':
      return colon
    case 'BLOCK_IN_FLOW':
      return 'this is not YAML: between { and }, or [ and ], entries are separated by commas'
    default:
      if (message === 'Implicit map keys need to be followed by map values') return colon
      if (message.endsWith('items must start at the same column'))
        return 'this is not YAML: entries that belong together begin in the same column; indent this line like the ones before it'
      return `this is not YAML: ${message}`
  }
}

const colon = 'this is not YAML: a colon, or the blank behind it, is missing here; write key: value'

/** The place of a colon that stands right before a bracket or a quote; undefined when there is none in this key. */
export function tightColon(key: unknown): number | undefined {
  if (!isScalar(key) || key.type !== 'PLAIN' || !key.range) return undefined
  const at = String(key.value).search(/:[[{"']/)
  return at === -1 ? undefined : key.range[0] + at
}

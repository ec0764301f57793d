import { parseValue, type RecordType, recordTypes } from '../../desired-state/documents/dns-values.ts'
import type { FoundSet } from './provider.ts'

const known: ReadonlySet<string> = new Set(recordTypes)

/**
 * Record sets out of lines in the presentation format of RFC 1035, one record on each: `name ttl IN type data`. Types that
 * cannot be declared are left out, and so is a value that has no form of ours, which nothing of ours can be equal to.
 */
export function readZoneText(text: string): readonly FoundSet[] {
  const sets = new Map<string, { name: string; type: RecordType; ttl: number; values: string[] }>()
  for (const line of text.split('\n')) {
    const [, owner, ttl, type, data] = /^(\S+)\s+(\d+)\s+IN\s+([A-Z0-9]+)\s+(.+)$/.exec(line) ?? []
    if (owner === undefined || type === undefined || data === undefined || !isKnown(type)) continue
    // Escapes stay in names: without them a stranger's name could be several words, or another name.
    const whole = owner.toLowerCase()
    const name = whole.endsWith('.') ? whole.slice(0, -1) : whole
    const key = `${name}/${type}`
    const set = sets.get(key) ?? { name, type, ttl: Number(ttl), values: [] }
    sets.set(key, set)
    const value = parseValue(type, type === 'TXT' ? unquoted(data) : data.trim())
    set.values.push('ok' in value ? value.ok : data)
  }
  for (const { values } of sets.values()) if (values.length > 1) values.sort()
  return [...sets.values()]
}

const isKnown = (type: string): type is RecordType => known.has(type)

/** `\042` and `\;` as servers write what is special to them in a text. */
const unescaped = (text: string): string =>
  !text.includes('\\')
    ? text
    : text.replace(/\\(\d{3}|.)/g, (_match, code: string) => (code.length === 3 ? String.fromCharCode(Number(code)) : code))

/** The strings of a TXT record as one text. */
export const unquoted = (data: string): string => (isOneString(data) ? data.slice(1, -1) : joined(data))

const isOneString = (data: string): boolean =>
  data.length > 1 && data.indexOf('"', 1) === data.length - 1 && data[0] === '"' && !data.includes('\\')

const joined = (data: string): string =>
  [...data.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) => unescaped(quoted ?? bare ?? '')).join('')

/** Data of a record as a server reads it; names are whole. */
export function writeData(type: RecordType, value: string): string {
  switch (type) {
    case 'A':
    case 'AAAA':
    case 'CAA':
      return value
    case 'CNAME':
    case 'NS':
    case 'MX':
    case 'SRV':
      return value.endsWith('.') ? value : `${value}.`
    case 'TXT':
      return (value.match(/[\s\S]{1,255}/g) ?? ['']).map(part => `"${part.replace(/["\\]/g, '\\$&')}"`).join(' ')
  }
}

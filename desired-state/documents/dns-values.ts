import { isIPv4, isIPv6 } from 'node:net'
import { type Parsed, parseHost } from './host.ts'

/** Types of records that can be declared. */
export const recordTypes = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'SRV', 'TXT'] as const
export type RecordType = (typeof recordTypes)[number]

/** Characters of a TXT record; more than 255 are sent as several strings of one record. */
const longestText = 2_000

/**
 * One value as servers give it back: addresses in their shortest form, names in lower case without a dot at the end, TXT
 * without quotes. Or the sentence that says what to write instead.
 */
export function parseValue(type: RecordType, text: string): Parsed<string> {
  switch (type) {
    case 'A':
      return isIPv4(text) ? { ok: text } : wrong(text, 'is no IPv4 address: write one like 203.0.113.10')
    case 'AAAA':
      return isIPv6(text) && !text.includes('%')
        ? { ok: shortest(text) }
        : wrong(text, 'is no IPv6 address: write one like 2001:db8::10')
    case 'CNAME':
    case 'NS':
      return parseTarget(text)
    case 'MX':
      return parseMx(text)
    case 'SRV':
      return parseSrv(text)
    case 'CAA':
      return parseCaa(text)
    case 'TXT':
      return parseTxt(text)
  }
}

const wrong = (text: string, because: string): Parsed<never> => ({ wrong: `${JSON.stringify(text)} ${because}` })

const shortest = (address: string): string => new URL(`http://[${address}]/`).hostname.slice(1, -1)

/** A host name that a record leads to, also with underscores, also with a dot at its end. */
export function parseTarget(text: string): Parsed<string> {
  const name = dnsName(text.toLowerCase().replace(/\.$/, ''))
  return name === undefined ? wrong(text, 'is no full host name: write one like mail.example.com') : { ok: name }
}

/** What stands in no name and in no command of nsupdate has no place behind an underscore either. */
const underscored = /^_[a-z0-9_-]{0,62}$/

/** A name in DNS in lower case, with punycode where it is international; parts may begin with an underscore. Undefined: it is none. */
export function dnsName(text: string): string | undefined {
  const labels = text.split('.')
  const plain = parseHost(labels.filter(label => !label.startsWith('_')).join('.'))
  if ('wrong' in plain) return undefined
  const ascii = plain.ok.split('.')
  const whole = labels.map(label => (label.startsWith('_') ? label : ascii.shift()))
  // A letter that stands for a dot makes two parts of one.
  if (ascii.length > 0 || whole.some(label => label?.startsWith('_') === true && !underscored.test(label))) return undefined
  const name = whole.join('.')
  return name.length <= 253 ? name : undefined
}

function parseMx(text: string): Parsed<string> {
  const [, priority, host] = /^(\d{1,5})\s+(\S+)$/.exec(text.trim()) ?? []
  if (priority === undefined || host === undefined || Number(priority) > 65_535)
    return wrong(text, 'is no mail server: write its priority and its name, like "10 mail.example.com"')
  if (priority === '0' && host === '.') return { ok: '0 .' }
  const target = parseTarget(host)
  return 'ok' in target ? { ok: `${Number(priority)} ${target.ok}` } : target
}

function parseSrv(text: string): Parsed<string> {
  const [, priority, weight, port, host] = /^(\d{1,5})\s+(\d{1,5})\s+(\d{1,5})\s+(\S+)$/.exec(text.trim()) ?? []
  const numbers = [priority, weight, port].map(Number)
  if (host === undefined || numbers.some(number => number > 65_535))
    return wrong(text, 'is no service: write priority, weight, port and name, like "10 60 5060 sip.example.com"')
  const target = parseTarget(host)
  return 'ok' in target ? { ok: `${numbers.join(' ')} ${target.ok}` } : target
}

function parseCaa(text: string): Parsed<string> {
  const [, flag, tag, quoted, bare] = /^(\d{1,3})\s+([a-z0-9]{1,15})\s+(?:"([^"\\]*)"|([^\s"\\]*))$/i.exec(text.trim()) ?? []
  if (flag === undefined || tag === undefined || Number(flag) > 255)
    return wrong(text, `is no CAA record: write one like '0 issue "letsencrypt.org"'`)
  if (unprintable.test(text)) return wrong(text, 'has characters that are not printable ASCII, which CAA records are made of')
  return { ok: `${Number(flag)} ${tag.toLowerCase()} "${quoted ?? bare ?? ''}"` }
}

const unprintable = /[^\x20-\x7e]/

function parseTxt(text: string): Parsed<string> {
  if (text === '') return { wrong: 'a TXT record needs a text' }
  if (unprintable.test(text)) return wrong(text, 'has characters that are not printable ASCII, which TXT records are made of')
  if (text.length > longestText) return { wrong: `a TXT record may have ${longestText} characters, and this has ${text.length}` }
  return { ok: text }
}

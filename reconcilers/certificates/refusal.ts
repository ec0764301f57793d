import { join } from 'node:path'
import { printable } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Order } from './certbot.ts'

/** An authority that gave nothing. */
export class Refusal extends ApplianceError {
  /** It said that it takes no more questions until then. */
  readonly notBefore: Date | undefined
  /** Names that it looked at and found wanting. */
  readonly names: readonly string[]
  /** Whether it takes no orders of the account at all; undefined where it may be the names that are too many. */
  readonly scope: 'account' | undefined

  constructor(message: string, { hint, notBefore, names = [], scope }: RefusalFacts) {
    super('failed', message, hint === undefined ? {} : { hint })
    this.notBefore = notBefore
    this.names = names
    this.scope = scope
  }
}

interface RefusalFacts {
  readonly hint: string | undefined
  readonly notBefore?: Date | undefined
  readonly names?: readonly string[]
  readonly scope?: 'account' | undefined
}

/** Those of the names that a message speaks of, also as the place of their answer in DNS. */
export function namesIn(message: string, names: readonly string[]): readonly string[] {
  const words = (message.match(/[\w*.-]+/g) ?? []).map(word => word.replace(/^_acme-challenge\./, '').replace(/\.+$/, ''))
  return names.filter(name => words.includes(name) || words.includes(name.replace(/^\*\./, '')))
}

/** The last problem that the authority told of; certbot 2.1 on Python 3.11 prints its own failure to show it instead. */
export async function wordsOfLog(folder: string): Promise<string> {
  const log = Bun.file(join(folder, 'letsencrypt.log'))
  if (!(await log.exists())) return ''
  const text = await log.slice(Math.max(0, log.size - 65_536)).text()
  const [, kind = '', detail = ''] = [...text.matchAll(/urn:ietf:params:acme:error:(\w+) :: [^:\n]* :: ([^\n]+)/g)].at(-1) ?? []
  const after = [...text.matchAll(/^HTTP (?:429|503)\r?\n(?:[^\r\n]+\r?\n)*?Retry-After: ([^\r\n]+)/gim)].at(-1)?.[1]
  return `${kind === '' ? '' : `Problem: ${kind}: ${detail}\n`}${after === undefined ? '' : `Retry-After: ${after}`}`
}

/** Lines of certbot that tell a person nothing of the cause. */
const noise =
  /^(?:Saving debug log to|Requesting a certificate for|Account registered|Renewing an existing|Some challenges have failed|Ask for help|See the logfile|Certbot failed to authenticate|Hint:|An unexpected error occurred|Hook '--manual|Retry-After:|Problem:|$)/

/** The authority's own words out of what certbot printed. */
export function refusal({ directory }: Pick<Order, 'directory'>, printed: string, now: Date): Refusal {
  const message = `${new URL(directory).hostname} gave no certificate: ${wordsIn(printed)}`
  const [names, scope, told] = [domainsIn(printed), scopeOf(printed), notBefore(printed, now)]
  const until = told ?? (scope === 'account' ? new Date(now.getTime() + usualWait) : undefined)
  return new Refusal(message, { hint: hintFor(printed), notBefore: until, names, scope })
}

export const notRevoked = ({ directory }: Pick<Order, 'directory'>, printed: string): ApplianceError =>
  new Refusal(`${new URL(directory).hostname} did not revoke it: ${wordsIn(printed)}`, { hint: hintFor(printed) })

const domainsIn = (printed: string) => [...printed.matchAll(/^\s*Domain:\s*(.+?)\s*$/gm)].flatMap(([, name]) => name ?? [])

function wordsIn(printed: string): string {
  const lines = printed.split('\n').map(line => line.trim())
  const details = lines.flatMap(line => /^Detail:\s*(.+)$/.exec(line)?.[1] ?? [])
  const domains = domainsIn(printed)
  const told = details.map((detail, index) => (domains[index] === undefined ? detail : `${domains[index]}: ${detail}`))
  const problems = lines.flatMap(line => /^Problem:\s*(.+)$/.exec(line)?.[1] ?? [])
  const found = [told, problems, lines.filter(line => !noise.test(line)).slice(-2)].find(({ length }) => length > 0) ?? []
  // A try that Postgres could not keep would count for nothing.
  return printable(found.map(plain).join('; ').toWellFormed()).slice(0, 1_000)
}

/** Without what Python wraps around the reason of a connection that failed: names of classes, objects with their addresses. */
function plain(line: string): string {
  const cause = /\(Caused by \w+\((?:<[^>]*>, )?['"](?:<[^>]*>: )?(.+?)['"]\)\)$/.exec(line)?.[1] ?? line
  return cause
    .replace(/^(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception|Timeout): /, '')
    .replace(/^HTTPS?ConnectionPool\([^)]*\): /, '')
    .replace(/^Failed to establish a new connection: /, '')
    .replace(/^\[Errno -?\d+\] /, '')
}

/**
 * ACME has one word for all limits (RFC 8555, 6.6), so whom one concerns stands in the authority's own sentence alone. Let's Encrypt
 * and others on its program, boulder, say `too many new orders (300) from this account` and `too many new registrations (10) from
 * this IP address`; limits of names speak of `this exact set of domains`, or of one in quotes. What is worded otherwise stays with
 * the host that asked: to be refused once more costs less than to keep all hosts waiting because of one.
 */
function scopeOf(printed: string): 'account' | undefined {
  const sentence = /^Problem: rateLimited: (.+)$/m.exec(printed)?.[1] ?? ''
  return /\btoo many new (?:orders|registrations)\b|\bfrom this (?:account|IP address)\b/i.test(sentence) &&
    !/\bfor (?:"|this exact set|exact set|domain)/i.test(sentence)
    ? 'account'
    : undefined
}

/** Milliseconds until an account is tried again whose limit came without a time. */
const usualWait = 3_600_000
/** Milliseconds that an authority's wish is taken for: nobody is kept waiting longer by a mistake of one. */
const longestWait = 7 * 86_400_000

/** What it said of when to come again: the header Retry-After (seconds, or a date), or Let's Encrypt's own words. */
function notBefore(printed: string, now: Date): Date | undefined {
  const header = /^Retry-After: (.+)$/m.exec(printed)?.[1]?.trim() ?? ''
  const words = /retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d) ?(?:UTC|Z)/i.exec(printed)
  const told = /^\d+$/.test(header) ? now.getTime() + Number(header) * 1_000 : Date.parse(header)
  const until = Number.isNaN(told) ? Date.parse(words === null ? '' : `${words[1]}T${words[2]}Z`) : told
  if (Number.isNaN(until) || until <= now.getTime()) return undefined
  return new Date(Math.min(until, now.getTime() + longestWait))
}

/** What to do; nothing to do but wait is no hint: when it is tried again stands beside it. */
function hintFor(printed: string): string | undefined {
  if (/Max retries exceeded|NewConnectionError|ConnectionError|Requesting \S+: /i.test(printed))
    return 'the authority does not answer'
  if (/certificate is not yet valid|certificate has expired/i.test(printed)) return 'look at the clock of this machine'
  if (/rateLimited|too many/i.test(printed)) return 'the authority has had too many requests'
  if (/NXDOMAIN|no valid A records|DNS problem/i.test(printed)) return 'point the name to this server in DNS'
  if (/Connection refused|Timeout during connect|unauthorized/i.test(printed))
    return 'port 80 of this name has to reach this server from the internet'
  return undefined
}

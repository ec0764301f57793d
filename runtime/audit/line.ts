import { randomUUID } from 'node:crypto'
import type { AuditEvent } from './event.ts'

/**
 * One line of the file: `{"previous":"<64 hex>","sequence":N,…,"hash":"<64 hex>"}` and a line break. The hash is the
 * SHA-256 of the bytes before `,"hash"`, which begin with the hash of the line before: a chain that is checked without
 * reading any JSON.
 */
export interface Link {
  readonly sequence: number
  readonly hash: string
}

/** What stands before the first line. */
export const origin: Link = { sequence: 0, hash: '0'.repeat(64) }

const head = '{"previous":"'
const afterPrevious = '","sequence":'
const beforeHash = ',"hash":"'
/** Characters from `,"hash"` to the end of the line. */
const tailLength = beforeHash.length + 64 + 2

/** The line after `last`, and the link that it is. */
export function renderLine(last: Link, event: AuditEvent, at: Date): { readonly text: string; readonly link: Link } {
  const sequence = last.sequence + 1
  const { type, agent, user, action, target, outcome, details, session, address } = event
  const fields = {
    id: randomUUID(),
    timestamp: at.toISOString(),
    type,
    agent,
    user,
    action,
    target,
    outcome,
    details,
    session,
    address,
  }
  const body = `${head}${last.hash}${afterPrevious}${sequence},${JSON.stringify(fields).slice(1, -1)}`
  const hash = hashOf(body)
  return { text: `${body}${beforeHash}${hash}"}\n`, link: { sequence, hash } }
}

export type Judged =
  | { readonly link: Link; readonly previous: string; readonly sound: boolean }
  /** It does not have the form of a line. */
  | undefined

/** Takes a line (without its break) apart and hashes it anew. */
export function judgeLine(bytes: Uint8Array): Judged {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = text.length - tailLength
  const start = head.length + 64 + afterPrevious.length
  if (end <= start || text.toString('latin1', 0, head.length) !== head) return undefined
  const tail = text.toString('latin1', end)
  if (!tail.startsWith(beforeHash) || !tail.endsWith('"}')) return undefined
  const sequence = readNumber(text, start)
  if (sequence === undefined) return undefined
  const hash = tail.slice(beforeHash.length, -2)
  const previous = text.toString('latin1', head.length, head.length + 64)
  return { link: { sequence, hash }, previous, sound: hashOf(text.subarray(0, end)) === hash }
}

const hashOf = (bytes: string | Uint8Array): string => Bun.SHA256.hash(bytes, 'hex')

/** Digits up to a comma. */
function readNumber(text: Buffer, start: number): number | undefined {
  let value = 0
  for (let at = start; at < start + 16; at++) {
    const code = text[at]
    if (code === 0x2c && at > start) return value
    if (code === undefined || code < 0x30 || code > 0x39) return undefined
    value = value * 10 + (code - 0x30)
  }
  return undefined
}

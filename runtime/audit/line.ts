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

/** Where the sequence begins, and how long it may be. */
const numberAt = head.length + 64 + afterPrevious.length
const longestNumber = 17

export type Judged =
  | { readonly link: Link; readonly previous: string; readonly sound: boolean }
  /** It does not have the form of a line. */
  | undefined

/** Takes a line (without its break) apart and hashes it anew. */
export function judgeLine(bytes: Uint8Array): Judged {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = text.length - tailLength
  if (end <= numberAt) return undefined
  const start = text.toString('latin1', 0, numberAt + longestNumber)
  const tail = text.toString('latin1', end)
  if (!start.startsWith(head) || !tail.startsWith(beforeHash) || !tail.endsWith('"}')) return undefined
  const comma = start.indexOf(',', numberAt)
  const sequence = Number(start.slice(numberAt, comma))
  if (comma === -1 || !Number.isSafeInteger(sequence)) return undefined
  const hash = tail.slice(beforeHash.length, -2)
  const previous = start.slice(head.length, head.length + 64)
  return { link: { sequence, hash }, previous, sound: hashOf(text.subarray(0, end)) === hash }
}

const hashOf = (bytes: string | Uint8Array): string => Bun.SHA256.hash(bytes, 'hex')

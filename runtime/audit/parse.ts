import { z } from 'zod'
import { type AuditEvent, type AuditLine, auditTypes } from './event.ts'

const event = z.object({
  type: z.enum(auditTypes),
  agent: z.string(),
  user: z.string(),
  action: z.string(),
  target: z.string(),
  outcome: z.enum(['intent', 'success', 'failure', 'denied']),
  details: z.record(z.string(), z.unknown()).optional(),
  session: z.string().optional(),
  address: z.string().optional(),
})

const line = event.extend({
  id: z.string(),
  sequence: z.int(),
  timestamp: z.string(),
  previous: z.string(),
  hash: z.string(),
})

/** An event without its outcome, as it waits in the ledger of actions. */
export const parseStoredEvent = (text: string): Omit<AuditEvent, 'outcome'> =>
  event.omit({ outcome: true }).parse(JSON.parse(text))

/** One line of the file; undefined for what is none. */
export function parseAuditLine(text: string): AuditLine | undefined {
  try {
    return line.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

const rowType = event.pick({ type: true, outcome: true })
export const parseRowType = (row: unknown): Pick<AuditEvent, 'type' | 'outcome'> => rowType.parse(row)

const more = event.pick({ details: true, session: true, address: true })
/** The part of an event that the index keeps as text. */
export const parseMore = (text: string): Pick<AuditEvent, 'details' | 'session' | 'address'> => more.parse(JSON.parse(text))

import { z } from 'zod'
import { list } from './engine.ts'

/** What waits for a person, on the wire. */
export const approval = z
  .object({
    id: z.string(),
    agent: z.string(),
    task: z.string().optional(),
    thread: z.string().optional(),
    title: z.string(),
    reason: z.string(),
    shown: list(z.object({ name: z.string(), text: z.string() })).describe('Everything that it is bound to'),
    digest: z.string().describe('SHA-256 of what it is bound to'),
    state: z.enum(['waiting', 'approved', 'denied', 'used', 'expired']),
    askedAt: z.string().describe('ISO 8601'),
    expiresAt: z.string().describe('ISO 8601'),
    decidedBy: z.string().optional(),
    note: z.string().optional(),
    rule: z.string().describe('What "always" would save; absent when there must be none').optional(),
  })
  .meta({ id: 'Approval' })

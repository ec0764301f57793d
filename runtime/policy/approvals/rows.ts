import { z } from 'zod'
import type { Approval, Need } from '../action.ts'
import { needsSchema } from '../actions/parse.ts'
import type { AlwaysRule } from './always.ts'
import { ruleText } from './always.ts'

export interface ApprovalRow {
  id: string
  agent: string
  work: string
  call: string
  task: string | null
  thread: string | null
  tool: string
  title: string
  reason: string
  shown: string
  needs: string
  request: string
  digest: string
  rule: string | null
  state: Approval['state']
  asked_at: Date
  expires_at: Date
  decided_at: Date | null
  decided_by: string | null
  note: string | null
}

const shownSchema = z.array(z.object({ name: z.string(), text: z.string() }))
const ruleSchema: z.ZodType<AlwaysRule> = z.object({
  agent: z.string(),
  section: z.enum(['read', 'write', 'run', 'verb']),
  pattern: z.string(),
})

export const ruleOf = (row: ApprovalRow): AlwaysRule | undefined =>
  row.rule === null ? undefined : ruleSchema.parse(JSON.parse(row.rule))

export const needsOf = (row: ApprovalRow): readonly Need[] => needsSchema.parse(JSON.parse(row.needs))

/** As others read it; one that nobody decided in time is expired, whatever its row still says. */
export function approvalOf(row: ApprovalRow, now: Date): Approval {
  const rule = ruleOf(row)
  const open = row.state === 'waiting' || row.state === 'approved'
  return {
    id: row.id,
    agent: row.agent,
    task: row.task ?? undefined,
    thread: row.thread ?? undefined,
    title: row.title,
    reason: row.reason,
    shown: shownSchema.parse(JSON.parse(row.shown)),
    digest: row.digest,
    state: open && row.expires_at <= now ? 'expired' : row.state,
    askedAt: row.asked_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    decidedBy: row.decided_by ?? undefined,
    note: row.note ?? undefined,
    rule: rule && ruleText(rule),
  }
}

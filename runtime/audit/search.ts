import type { Store } from '../store/store.ts'
import type { AuditEvent, AuditType } from './event.ts'
import { parseMore, parseRowType } from './parse.ts'

export interface AuditSearch {
  readonly type?: AuditType | undefined
  readonly agent?: string | undefined
  readonly user?: string | undefined
  /** Anywhere in action, target, agent, user or details. */
  readonly text?: string | undefined
  readonly from?: Date | undefined
  readonly to?: Date | undefined
  readonly outcome?: AuditEvent['outcome'] | undefined
  /** From an earlier answer: goes on after it. */
  readonly cursor?: string | undefined
  /** At most 500; default 100. */
  readonly limit?: number | undefined
}

/** An event as the index has it. */
export interface AuditHit extends AuditEvent {
  /** Undefined for what is older than the file. */
  readonly sequence: number | undefined
  /** ISO 8601. */
  readonly timestamp: string
  readonly hash: string | undefined
}

export interface AuditPage {
  /** Newest first. */
  readonly events: readonly AuditHit[]
  /** Undefined on the last page. */
  readonly cursor: string | undefined
}

interface Row {
  id: string
  sequence: string | null
  hash: string | null
  at: Date
  type: string
  agent: string
  user_name: string
  action: string
  target: string
  outcome: string
  more: string
}

export async function searchAudit(store: Store, search: AuditSearch): Promise<AuditPage> {
  const limit = Math.min(Math.max(Math.trunc(search.limit ?? 100), 1), 500)
  const { type, agent, user, from, to, outcome } = search
  const pattern = search.text ? `%${search.text.replaceAll('\0', '').replace(/[\\%_]/g, '\\$&')}%` : undefined
  const before = /^\d{1,18}$/.test(search.cursor ?? '') ? search.cursor : undefined
  const rows = await store<Row[]>`
    SELECT id, sequence, hash, at, type, agent, user_name, action, target, outcome, more FROM audit WHERE true
    ${before === undefined ? store`` : store`AND id < ${before}`}
    ${type === undefined ? store`` : store`AND type = ${type}`}
    ${agent === undefined ? store`` : store`AND agent = ${agent}`}
    ${user === undefined ? store`` : store`AND user_name = ${user}`}
    ${outcome === undefined ? store`` : store`AND outcome = ${outcome}`}
    ${from === undefined ? store`` : store`AND at >= ${from}`}
    ${to === undefined ? store`` : store`AND at < ${to}`}
    ${pattern === undefined ? store`` : store`AND (action || ' ' || target || ' ' || agent || ' ' || user_name || ' ' || more) ILIKE ${pattern}`}
    ORDER BY id DESC LIMIT ${limit + 1}`
  const page = rows.slice(0, limit)
  return { events: page.map(hitOf), cursor: rows.length > limit ? page.at(-1)?.id : undefined }
}

function hitOf(row: Row): AuditHit {
  return {
    ...parseRowType(row),
    ...parseMore(row.more),
    sequence: row.sequence === null ? undefined : Number(row.sequence),
    hash: row.hash ?? undefined,
    timestamp: row.at.toISOString(),
    agent: row.agent,
    user: row.user_name,
    action: row.action,
    target: row.target,
  }
}

import { randomUUID } from 'node:crypto'
import type { Clock } from '../os/clock.ts'
import type { Store } from '../store/store.ts'

/** Something that a person has to know, and may have to do something about. */
export interface Alert {
  readonly id: string
  /** ISO 8601. */
  readonly at: string
  readonly severity: 'warning' | 'critical'
  /** `agent-down`; one of a kind is open for one subject. */
  readonly kind: string
  /** `agent/code`. */
  readonly subject: string
  /** What is wrong and what to do, as sentences. */
  readonly message: string
  /** Who said that they have seen it; it stays until its cause is gone. */
  readonly seenBy: string | undefined
  readonly seenAt: string | undefined
  readonly resolvedAt: string | undefined
}

export type NewAlert = Pick<Alert, 'severity' | 'kind' | 'subject' | 'message'>

export interface Alerts {
  /** Those whose cause is still there, newest first; from memory. */
  open(): readonly Alert[]
  /** Newest first, with those that are over. */
  recent(limit: number): Promise<readonly Alert[]>
  /** Opens it; one that is open already keeps its time and gets the new words. */
  raise(alert: NewAlert): Promise<Alert>
  /** The cause is gone. False when there was none. */
  resolve(kind: string, subject: string): Promise<boolean>
  /** A person has seen it. False when there is none of that id, or somebody has before. */
  see(id: string, by: string): Promise<boolean>
  subscribe(listener: (alert: Alert) => void): () => void
  /** Reads what is open; call it once, when the store is migrated. */
  load(): Promise<void>
}

interface Row {
  id: string
  at: Date
  severity: Alert['severity']
  kind: string
  subject: string
  message: string
  seen_by: string | null
  seen_at: Date | null
  resolved_at: Date | null
}

export function createAlerts(store: Store, clock: Pick<Clock, 'now'>): Alerts {
  const listeners = new Set<(alert: Alert) => void>()
  const known = new Map<string, Alert>()
  const changed = (rows: readonly Row[]): Alert | undefined => {
    const alert = rows.map(alertOf)[0]
    if (alert === undefined) return undefined
    if (alert.resolvedAt === undefined) known.set(alert.id, alert)
    else known.delete(alert.id)
    for (const listener of listeners) listener(alert)
    return alert
  }
  return {
    open: () => [...known.values()].sort((one, other) => other.at.localeCompare(one.at)),
    async recent(limit) {
      return (await store<Row[]>`SELECT * FROM alert ORDER BY at DESC LIMIT ${limit}`).map(alertOf)
    },
    async raise({ severity, kind, subject, message }) {
      const rows = await store<Row[]>`
        INSERT INTO alert (id, at, severity, kind, subject, message)
        VALUES (${randomUUID()}, ${clock.now()}, ${severity}, ${kind}, ${subject}, ${message})
        ON CONFLICT (kind, subject) WHERE resolved_at IS NULL
          DO UPDATE SET severity = excluded.severity, message = excluded.message RETURNING *`
      const alert = changed(rows)
      if (alert === undefined) throw new Error('INSERT gave no row')
      return alert
    },
    async resolve(kind, subject) {
      const rows = await store<Row[]>`
        UPDATE alert SET resolved_at = ${clock.now()} WHERE kind = ${kind} AND subject = ${subject} AND resolved_at IS NULL RETURNING *`
      return changed(rows) !== undefined
    },
    async see(id, by) {
      const rows = await store<Row[]>`
        UPDATE alert SET seen_by = ${by}, seen_at = ${clock.now()} WHERE id = ${id} AND seen_by IS NULL RETURNING *`
      return changed(rows) !== undefined
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async load() {
      for (const row of await store<Row[]>`SELECT * FROM alert WHERE resolved_at IS NULL`) known.set(row.id, alertOf(row))
    },
  }
}

const alertOf = (row: Row): Alert => ({
  id: row.id,
  at: row.at.toISOString(),
  severity: row.severity,
  kind: row.kind,
  subject: row.subject,
  message: row.message,
  seenBy: row.seen_by ?? undefined,
  seenAt: row.seen_at?.toISOString(),
  resolvedAt: row.resolved_at?.toISOString(),
})

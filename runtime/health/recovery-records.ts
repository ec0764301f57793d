import type { Store } from '../store/store.ts'

/** What was tried to bring an agent back. Times are milliseconds since 1970. */
export interface RecoveryRecord {
  /** In a row, without success so far. */
  readonly attempts: number
  /** Of the last attempt, or of a person's restart; works from before say nothing about the agent any more. */
  readonly lastAt: number
  readonly pausedUntil: number | undefined
  readonly escalatedAt: number | undefined
}

/** In Postgres, and in memory for those who ask often. */
export interface RecoveryRecords {
  load(): Promise<void>
  get(agent: string): RecoveryRecord | undefined
  put(agent: string, record: RecoveryRecord): Promise<void>
}

interface Row {
  agent: string
  attempts: number
  last_at: Date
  paused_until: Date | null
  escalated_at: Date | null
}

export function createRecoveryRecords(store: Store): RecoveryRecords {
  const known = new Map<string, RecoveryRecord>()
  return {
    async load() {
      for (const row of await store<Row[]>`SELECT * FROM health_recovery`) known.set(row.agent, recordOf(row))
    },
    get: agent => known.get(agent),
    async put(agent, record) {
      const { attempts, lastAt, pausedUntil, escalatedAt } = record
      await store`
        INSERT INTO health_recovery (agent, attempts, last_at, paused_until, escalated_at)
        VALUES (${agent}, ${attempts}, ${new Date(lastAt)}, ${dateOf(pausedUntil)}, ${dateOf(escalatedAt)})
        ON CONFLICT (agent) DO UPDATE SET attempts = excluded.attempts, last_at = excluded.last_at,
          paused_until = excluded.paused_until, escalated_at = excluded.escalated_at`
      known.set(agent, record)
    },
  }
}

const dateOf = (milliseconds: number | undefined) => (milliseconds === undefined ? null : new Date(milliseconds))

const recordOf = (row: Row): RecoveryRecord => ({
  attempts: row.attempts,
  lastAt: row.last_at.getTime(),
  pausedUntil: row.paused_until?.getTime(),
  escalatedAt: row.escalated_at?.getTime(),
})

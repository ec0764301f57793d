import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { printableLines } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain, systemCode } from '../../runtime/os/errors.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import type { Store } from '../../runtime/store/store.ts'
import { ownDiskFull, ResticRefusal } from './restic/refusal.ts'

export type BackupVerb = 'run' | 'verify' | 'restore' | 'push'

export interface BackupRun {
  readonly id: string
  readonly name: string
  readonly verb: BackupVerb
  readonly askedBy: string
  readonly askedAt: Date
  readonly startedAt: Date | undefined
  readonly endedAt: Date | undefined
  readonly outcome: 'asked' | 'running' | 'succeeded' | 'failed' | 'interrupted'
  readonly step: string
  /** Of a failure. */
  readonly kind: 'waiting' | 'stalled' | 'failed' | ''
  readonly reason: string
  readonly message: string
  readonly facts: Readonly<Record<string, string | number>>
}

/** Who the schedule is, among those who ask. */
export const theSchedule = 'schedule'

export interface BegunRepository {
  readonly name: string
  readonly location: string
  readonly repositoryId: string
  readonly begunAt: Date
}

/** What was done with backups, in Postgres: who asked for it, how far it came, how it ended. */
export interface BackupJournal {
  /** Writes a wish down; one that is there and has not begun is not doubled. */
  ask(name: string, verb: BackupVerb, by: string, facts?: BackupRun['facts']): Promise<string>
  begin(id: string): Promise<void>
  step(id: string, name: string): Promise<void>
  succeed(id: string, message: string, facts: BackupRun['facts']): Promise<void>
  fail(id: string, error: unknown): Promise<void>
  /** Closes what a death left open; gives those runs. */
  closeInterrupted(): Promise<readonly BackupRun[]>
  asked(): Promise<readonly BackupRun[]>
  get(id: string): Promise<BackupRun | undefined>
  /** Of one name, the newest first. */
  recent(name: string, limit: number): Promise<readonly BackupRun[]>
  /** By name and verb: how the newest ended, the newest that succeeded, and how many have failed since. */
  histories(): Promise<ReadonlyMap<string, History>>
  repositories(): Promise<ReadonlyMap<string, BegunRepository>>
  begun(repository: Omit<BegunRepository, 'begunAt'>): Promise<void>
  forgotten(name: string): Promise<void>
}

export interface History {
  readonly last: BackupRun | undefined
  /** The newest that failed since then; what is under way now says nothing yet. */
  readonly failed: BackupRun | undefined
  readonly succeeded: BackupRun | undefined
  /** In a row, since the last success. */
  readonly failures: number
}

export const noHistory: History = { last: undefined, failed: undefined, succeeded: undefined, failures: 0 }
export const historyKey = (name: string, verb: BackupVerb) => `${name} ${verb}`

const row = z.object({
  id: z.string(),
  name: z.string(),
  verb: z.enum(['run', 'verify', 'restore', 'push']),
  asked_by: z.string(),
  asked_at: z.date(),
  started_at: z.date().nullable(),
  ended_at: z.date().nullable(),
  outcome: z.enum(['asked', 'running', 'succeeded', 'failed', 'interrupted']),
  step: z.string(),
  kind: z.enum(['waiting', 'stalled', 'failed', '']),
  reason: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number()])),
})

function runOf(value: unknown): BackupRun {
  const { id, name, verb, outcome, step, kind, reason, message, facts, ...rest } = row.parse(value)
  return {
    ...{ id, name, verb, outcome, step, kind, reason, message, facts, askedBy: rest.asked_by, askedAt: rest.asked_at },
    startedAt: rest.started_at ?? undefined,
    endedAt: rest.ended_at ?? undefined,
  }
}

/** Of each backup. */
const mostKept = 200
/** Milliseconds. */
const minute = 60_000

export function createBackupJournal(store: Store, clock: Clock): BackupJournal {
  // Servers and files choose some of these words, and Postgres does not take all: one that cannot be written down would
  // keep every other backup waiting.
  const end = async (
    id: string,
    outcome: 'succeeded' | 'failed',
    what: Pick<BackupRun, 'kind' | 'reason' | 'message'>,
    facts: BackupRun['facts'] = {},
  ) => {
    await store`
      UPDATE backup_run SET outcome = ${outcome}, ended_at = ${clock.now()}, kind = ${what.kind}, reason = ${what.reason},
        message = ${printableLines(what.message).toWellFormed()}, facts = facts || ${store.json(facts)} WHERE id = ${id}`
  }
  const next = oneAtATime()
  return {
    ask: (name, verb, by, facts = {}) =>
      next(async () => {
        const soon = new Date(clock.now().getTime() + minute)
        const [open] = await store<{ id: string }[]>`
        SELECT id FROM backup_run WHERE name = ${name} AND verb = ${verb} AND outcome IN ('asked', 'running') AND verb <> 'restore'`
        if (open !== undefined) return open.id
        const id = randomUUID()
        await store`
        INSERT INTO backup_run (id, name, verb, asked_by, asked_at, outcome, facts)
        VALUES (${id}, ${name}, ${verb}, ${by}, ${clock.now()}, 'asked', ${store.json(facts)})`
        await store`
        DELETE FROM backup_run WHERE name = ${name} AND outcome NOT IN ('asked', 'running') AND id NOT IN (
          SELECT id FROM backup_run WHERE name = ${name} ORDER BY asked_at <= ${soon} DESC, asked_at DESC LIMIT ${mostKept})
          AND id NOT IN (SELECT DISTINCT ON (verb) id FROM backup_run WHERE name = ${name} AND outcome = 'succeeded'
            ORDER BY verb, asked_at <= ${soon} DESC, asked_at DESC)`
        return id
      }),
    async begin(id) {
      await store`UPDATE backup_run SET outcome = 'running', started_at = ${clock.now()} WHERE id = ${id}`
    },
    async step(id, name) {
      await store`UPDATE backup_run SET step = ${name} WHERE id = ${id}`
    },
    succeed: (id, message, facts) => end(id, 'succeeded', { kind: '', reason: '', message }, facts),
    fail: (id, error) => end(id, 'failed', standingOf(error)),
    async closeInterrupted() {
      const rows = await store`
        UPDATE backup_run SET outcome = 'interrupted', ended_at = ${clock.now()}, message = 'the appliance ended meanwhile; '
          || CASE WHEN asked_by = ${theSchedule} THEN 'it is done again by itself' ELSE 'ask for it again' END
        WHERE outcome = 'running' RETURNING *`
      return rows.map(runOf)
    },
    asked: async () => (await store`SELECT * FROM backup_run WHERE outcome = 'asked' ORDER BY asked_at`).map(runOf),
    get: async id => (await store`SELECT * FROM backup_run WHERE id = ${id}`).map(runOf)[0],
    recent: async (name, limit) =>
      (await store`SELECT * FROM backup_run WHERE name = ${name} ORDER BY asked_at DESC LIMIT ${limit}`).map(runOf),
    async histories() {
      // What a clock that was ahead has written down did not happen yet: for as long nothing would be due, nor late.
      const soon = new Date(clock.now().getTime() + minute)
      const rows = await store`
        SELECT * FROM backup_run WHERE outcome <> 'asked' AND GREATEST(started_at, ended_at) <= ${soon} ORDER BY name, verb, started_at`
      const groups = Map.groupBy(rows.map(runOf), ({ name, verb }) => historyKey(name, verb))
      return new Map([...groups].map(([key, runs]) => [key, historyOf(runs)]))
    },
    async repositories() {
      const rows = await store<
        { name: string; location: string; repository_id: string; begun_at: Date }[]
      >`SELECT * FROM backup_repository`
      return new Map(
        rows.map(each => [
          each.name,
          { name: each.name, location: each.location, repositoryId: each.repository_id, begunAt: each.begun_at },
        ]),
      )
    },
    async begun({ name, location, repositoryId }) {
      await store`
        INSERT INTO backup_repository (name, location, repository_id, begun_at) VALUES (${name}, ${location}, ${repositoryId}, ${clock.now()})
        ON CONFLICT (name) DO UPDATE SET location = excluded.location, repository_id = excluded.repository_id, begun_at = excluded.begun_at`
    },
    async forgotten(name) {
      await store`DELETE FROM backup_repository WHERE name = ${name}`
    },
  }
}

function historyOf(runs: readonly BackupRun[]): History {
  const ended = runs.filter(({ outcome }) => outcome !== 'running')
  const lastGood = ended.findLastIndex(({ outcome }) => outcome === 'succeeded')
  const since = ended.slice(lastGood + 1).filter(({ outcome }) => outcome === 'failed')
  return { last: runs.at(-1), failed: since.at(-1), succeeded: ended[lastGood], failures: since.length }
}

function standingOf(cause: unknown): Pick<BackupRun, 'kind' | 'reason' | 'message'> {
  const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(cause) ?? '')
  const error = full ? ownDiskFull(explain(cause)) : cause
  const kind = error instanceof ApplianceError && error.kind !== 'invalid' ? error.kind : 'failed'
  return {
    kind,
    reason: error instanceof ResticRefusal ? error.reason : kind === 'waiting' ? 'secret-missing' : 'failed',
    message: explain(error),
  }
}

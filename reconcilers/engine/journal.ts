import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Store } from '../../runtime/store/store.ts'
import { cleaned, storable } from './clean.ts'
import type { Change } from './reconciler.ts'
import type { Hold, ResourceStatus, Run, Suspension, Trigger } from './status.ts'

/** One failed change that will be tried again. */
export interface Retry {
  readonly kind: string
  readonly key: string
  readonly attempts: number
  readonly nextAt: Date
  /** Of the change that failed; another change of the same resource does not wait. */
  readonly digest: string
  readonly state: 'failed' | 'stalled' | 'waiting'
  readonly reason: string
  readonly message: string
}

export interface Intent {
  readonly id: string
  readonly change: Change<unknown>
  readonly digest: string
  readonly revision: string
  readonly startedAt: Date
}

export interface EndedHold {
  readonly revision: string
  readonly endedAt: Date
  /** Undefined when something else took its place. */
  readonly approvedBy: string | undefined
}

export interface ApprovedHold {
  readonly hold: Hold
  readonly by: string
  readonly at: Date
}

type Redact = (text: string) => string

/** Everything that the engine remembers across a crash. Each method is one transaction. */
export type Journal = ReturnType<typeof createJournal>

export function createJournal(store: Store, redact: (text: string) => string) {
  return {
    ...runs(store, redact),
    ...targets(store, redact),
    ...standings(store, redact),
    ...suspensions(store),
  }
}

function runs(store: Store, redact: Redact) {
  return {
    /** Written before anything happens in the world. */
    async intend(
      changes: readonly { change: Change<unknown>; digest: string }[],
      revision: string,
      trigger: Trigger,
      at: Date,
    ): Promise<Intent[]> {
      const intents = changes.map(({ change, digest }) => ({ id: randomUUID(), change, digest, revision, startedAt: at }))
      const rows = intents.map(({ id, change, digest }) => ({
        id,
        kind: change.kind,
        key: change.key,
        revision,
        trigger,
        operation: change.operation,
        summary: redact(change.summary),
        digest,
        intent_at: at,
      }))
      for (const part of chunks(rows, 1_000)) await store`INSERT INTO run ${store(part)}`
      return intents
    },

    /** A trace, not a promise: it does not wait for the disk, as intents and outcomes do. */
    async step(kind: string, name: string): Promise<void> {
      await store`INSERT INTO step (kind, name) SELECT ${kind}, ${name} FROM set_config('synchronous_commit', 'off', true)`
    },

    async applied(ids: readonly string[], at: Date): Promise<void> {
      if (ids.length > 0) await store`UPDATE run SET applied_at = ${at} WHERE id IN ${store(ids)}`
    },

    async ended(ids: readonly string[], outcome: Run['outcome'], message: string, at: Date): Promise<void> {
      if (ids.length > 0)
        await store`UPDATE run SET ended_at = ${at}, outcome = ${outcome}, message = ${redact(message)} WHERE id IN ${store(ids)}`
    },

    /** Closes what a killed predecessor left open; the next look finds out how far it came. */
    async closeInterrupted(): Promise<number> {
      const closed = await store`
        UPDATE run SET ended_at = now(), outcome = 'interrupted', message = 'the appliance stopped in the middle; it looked again and went on'
        WHERE outcome IS NULL`
      return closed.count
    },

    async lastRuns(kind: string, key: string): Promise<Run[]> {
      const rows = await store<
        {
          id: string
          revision: string
          trigger: Trigger
          operation: Run['operation']
          summary: string
          intent_at: Date
          ended_at: Date | null
          outcome: Run['outcome'] | null
          message: string
        }[]
      >`
        SELECT id, revision, trigger, operation, summary, intent_at, ended_at, outcome, message FROM run
        WHERE kind = ${kind} AND key = ${key} ORDER BY position DESC LIMIT 50`
      return rows.map(row => ({
        id: row.id,
        kind,
        key,
        revision: row.revision,
        trigger: row.trigger,
        operation: row.operation,
        summary: row.summary,
        startedAt: row.intent_at.toISOString(),
        milliseconds: row.ended_at === null ? 0 : row.ended_at.getTime() - row.intent_at.getTime(),
        outcome: row.outcome ?? 'running',
        message: row.message,
      }))
    },

    /** Keeps the last 50 runs of each resource as they were written down, whatever their time says, for 90 days when it is gone, and a week of steps. */
    async trim(): Promise<void> {
      await store`
        DELETE FROM run USING (
          SELECT id, row_number() OVER (PARTITION BY kind, key ORDER BY position DESC) AS place FROM run
        ) AS ranked WHERE run.id = ranked.id AND ranked.place > 50`
      await store`
        DELETE FROM run WHERE intent_at < now() - interval '90 days' AND NOT EXISTS (
          SELECT 1 FROM resource_status AS there WHERE there.kind = run.kind AND there.key = run.key)`
      await store`DELETE FROM suspension WHERE until < now() - interval '7 days'`
      await store`DELETE FROM held_commit WHERE ended_at < now() - interval '90 days'`
      await store`DELETE FROM step WHERE at < now() - interval '7 days'`
    },
  }
}

function targets(store: Store, redact: Redact) {
  return {
    async targets(): Promise<Map<string, string>> {
      const rows = await store<{ kind: string; revision: string }[]>`SELECT kind, revision FROM kind_target`
      return new Map(rows.map(row => [row.kind, row.revision]))
    },

    /** Moves a kind to a commit. */
    async accept(kind: string, revision: string): Promise<void> {
      await moveTo(store, [kind], revision)
    },

    /** What is held from now on instead of what was; undefined when nothing is. An approval of what was serves no more. */
    async hold(hold: Hold | undefined): Promise<void> {
      await store.begin(async transaction => {
        await transaction`UPDATE held_commit SET ended_at = now() WHERE ended_at IS NULL`
        if (hold === undefined) return
        const clean = (text: string) => storable(redact(text))
        const kinds = transaction.json(JSON.parse(JSON.stringify(cleaned(hold.kinds, clean))))
        await transaction`
          INSERT INTO held_commit (id, digest, revision, reason, kinds, since)
          VALUES (${hold.id}, ${hold.digest}, ${hold.revision}, ${clean(hold.reason)}, ${kinds}, ${hold.since})`
      })
    },

    async held(): Promise<Hold | undefined> {
      const [row] = await store<(Omit<Hold, 'since'> & { since: Date })[]>`
        SELECT id, digest, revision, reason, kinds, since FROM held_commit WHERE ended_at IS NULL`
      return row === undefined ? undefined : { ...row, since: row.since.toISOString() }
    },

    /** How a hold of the last 90 days ended, by its ID. */
    async endedHold(id: string): Promise<EndedHold | undefined> {
      const [row] = await store<{ revision: string; ended_at: Date; approved_by: string | null }[]>`
        SELECT revision, ended_at, approved_by FROM held_commit
        WHERE id = ${id} AND ended_at IS NOT NULL`
      return row && { revision: row.revision, endedAt: row.ended_at, approvedBy: row.approved_by ?? undefined }
    },

    /**
     * The approval and all that it lets through, in one transaction: every kind of the hold moves to its commit, or none
     * does. False when it is no longer held.
     */
    async approve(hold: Hold, kinds: readonly string[], by: string): Promise<boolean> {
      return store.begin(async transaction => {
        const ended = await transaction`
          UPDATE held_commit SET ended_at = now(), approved_by = ${by} WHERE id = ${hold.id} AND ended_at IS NULL`
        if (ended.count === 0) return false
        await moveTo(transaction, kinds, hold.revision)
        return true
      })
    },

    /** Approvals that are not known to stand in the audit, oldest first. */
    async unaudited(): Promise<ApprovedHold[]> {
      const rows = await store<(Omit<Hold, 'since'> & { since: Date; approved_by: string; ended_at: Date })[]>`
        SELECT id, digest, revision, reason, kinds, since, approved_by, ended_at FROM held_commit
        WHERE approved_by IS NOT NULL AND NOT audited ORDER BY ended_at`
      return rows.map(({ approved_by, ended_at, since, ...row }) => ({
        ...{ hold: { ...row, since: since.toISOString() }, by: approved_by, at: ended_at },
      }))
    },

    async audited(id: string): Promise<void> {
      await store`UPDATE held_commit SET audited = true WHERE id = ${id}`
    },

    async verifiedRevision(): Promise<string> {
      const rows = await store<{ revision: string }[]>`SELECT revision FROM verified_revision`
      return rows[0]?.revision ?? ''
    },

    async setVerifiedRevision(revision: string): Promise<void> {
      await store`
        INSERT INTO verified_revision (revision) VALUES (${revision})
        ON CONFLICT (only_row) DO UPDATE SET revision = excluded.revision, verified_at = now()`
    },
  }
}

async function moveTo(store: ISql, kinds: readonly string[], revision: string): Promise<void> {
  if (kinds.length === 0) return
  await store`
    INSERT INTO kind_target ${store(kinds.map(kind => ({ kind, revision })))}
    ON CONFLICT (kind) DO UPDATE SET revision = excluded.revision, accepted_at = now()`
}

function standings(store: Store, redact: Redact) {
  return {
    async statuses(): Promise<ResourceStatus[]> {
      const rows = await store<(Omit<ResourceStatus, 'since'> & { since: Date })[]>`
        SELECT kind, key, state, reason, message, revision, since FROM resource_status`
      return rows.map(row => ({ ...row, since: row.since.toISOString() }))
    },

    async saveStatuses(changed: readonly ResourceStatus[], removed: readonly { kind: string; key: string }[]): Promise<void> {
      await store.begin(async transaction => {
        for (const part of chunks(changed, 1_000)) {
          await transaction`
            INSERT INTO resource_status ${transaction(part, 'kind', 'key', 'state', 'reason', 'message', 'revision', 'since')}
            ON CONFLICT (kind, key) DO UPDATE SET state = excluded.state, reason = excluded.reason, message = excluded.message,
              revision = excluded.revision, since = excluded.since`
        }
        for (const { kind, key } of removed) await transaction`DELETE FROM resource_status WHERE kind = ${kind} AND key = ${key}`
      })
    },

    async retries(): Promise<Retry[]> {
      const rows = await store<(Omit<Retry, 'nextAt'> & { next_at: Date })[]>`
        SELECT kind, key, attempts, next_at, digest, state, reason, message FROM retry`
      return rows.map(({ next_at, ...row }) => ({ ...row, nextAt: next_at }))
    },

    async saveRetry(retry: Retry): Promise<void> {
      await store`
        INSERT INTO retry (kind, key, attempts, next_at, digest, state, reason, message)
        VALUES (${retry.kind}, ${retry.key}, ${retry.attempts}, ${retry.nextAt}, ${retry.digest}, ${retry.state}, ${retry.reason}, ${redact(retry.message)})
        ON CONFLICT (kind, key) DO UPDATE SET attempts = excluded.attempts, next_at = excluded.next_at, digest = excluded.digest,
          state = excluded.state, reason = excluded.reason, message = excluded.message`
    },

    async clearRetry(kind: string, key: string): Promise<void> {
      await store`DELETE FROM retry WHERE kind = ${kind} AND key = ${key}`
    },
  }
}

function suspensions(store: Store) {
  return {
    async suspensions(): Promise<Suspension[]> {
      const rows = await store<
        (Omit<Suspension, 'until'> & { until: Date })[]
      >`SELECT kind, key, reason, owner, until FROM suspension`
      return rows.map(row => ({ ...row, until: row.until.toISOString() }))
    },

    async suspend(suspension: Suspension): Promise<void> {
      await store`
        INSERT INTO suspension ${store(suspension, 'kind', 'key', 'reason', 'owner', 'until')}
        ON CONFLICT (kind, key) DO UPDATE SET reason = excluded.reason, owner = excluded.owner, until = excluded.until`
    },

    async endSuspension(kind: string, key: string): Promise<boolean> {
      const ended = await store`DELETE FROM suspension WHERE kind = ${kind} AND key = ${key}`
      return ended.count > 0
    },
  }
}

function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}

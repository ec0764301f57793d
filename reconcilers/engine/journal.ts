import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Store } from '../../runtime/store/store.ts'
import { cleaned } from './clean.ts'
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
        WHERE kind = ${kind} AND key = ${key} ORDER BY intent_at DESC LIMIT 50`
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

    /** Keeps the last 50 runs of each resource, for 90 days when it is gone, and a week of steps. */
    async trim(): Promise<void> {
      await store`
        DELETE FROM run USING (
          SELECT id, row_number() OVER (PARTITION BY kind, key ORDER BY intent_at DESC) AS place FROM run
        ) AS ranked WHERE run.id = ranked.id AND ranked.place > 50`
      await store`
        DELETE FROM run WHERE intent_at < now() - interval '90 days' AND NOT EXISTS (
          SELECT 1 FROM resource_status AS there WHERE there.kind = run.kind AND there.key = run.key)`
      await store`DELETE FROM suspension WHERE until < now() - interval '7 days'`
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

    /**
     * Moves a kind to a commit. With a digest it uses up that digest's approval in the same transaction, and nothing
     * moves when there is none. An approval ends with its hold, used or not.
     */
    async accept(kind: string, revision: string, heldDigest?: string): Promise<boolean> {
      return store.begin(async transaction => {
        if (heldDigest !== undefined) {
          const used = await transaction`UPDATE approval SET used_at = now() WHERE digest = ${heldDigest} AND used_at IS NULL`
          if (used.count === 0) return false
        }
        await endHolds(transaction, kind, '')
        await transaction`
          INSERT INTO kind_target (kind, revision) VALUES (${kind}, ${revision})
          ON CONFLICT (kind) DO UPDATE SET revision = excluded.revision, accepted_at = now()`
        return true
      })
    },

    async hold(hold: Hold): Promise<void> {
      const changes = store.json(JSON.parse(JSON.stringify(cleaned(hold.changes, redact))))
      await store.begin(async transaction => {
        await endHolds(transaction, hold.kind, hold.digest)
        await transaction`
          INSERT INTO hold (digest, kind, revision, reason, changes, since)
          VALUES (${hold.digest}, ${hold.kind}, ${hold.revision}, ${hold.reason}, ${changes}, ${hold.since})
          ON CONFLICT (digest) DO UPDATE SET revision = excluded.revision`
      })
    },

    async holds(): Promise<Hold[]> {
      const rows = await store<
        { digest: string; kind: string; revision: string; reason: string; changes: Hold['changes']; since: Date }[]
      >`SELECT digest, kind, revision, reason, changes, since FROM hold ORDER BY since`
      return rows.map(row => ({ ...row, id: row.digest.slice(0, 12), since: row.since.toISOString() }))
    },

    /** False when it is no longer held. */
    async approve(digest: string, by: string): Promise<boolean> {
      return store.begin(async transaction => {
        const held = await transaction`SELECT 1 FROM hold WHERE digest = ${digest} FOR UPDATE`
        if (held.count === 0) return false
        await transaction`
          INSERT INTO approval (digest, approved_by) VALUES (${digest}, ${by}) ON CONFLICT (digest) WHERE used_at IS NULL DO NOTHING`
        return true
      })
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

/** Ends the holds of a kind but one. What was approved and not used must not let a later, equal commit pass. */
async function endHolds(transaction: ISql, kind: string, except: string): Promise<void> {
  const ended = await transaction<{ digest: string }[]>`
    DELETE FROM hold WHERE kind = ${kind} AND digest <> ${except} RETURNING digest`
  if (ended.length === 0) return
  const digests = ended.map(row => row.digest)
  await transaction`UPDATE approval SET used_at = now() WHERE used_at IS NULL AND digest IN ${transaction(digests)}`
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

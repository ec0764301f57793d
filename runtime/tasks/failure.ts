import type { ISql } from 'postgres'
import { backoff } from '../os/backoff.ts'
import type { Core } from './core.ts'
import { retryWaits } from './numbers.ts'
import { recount } from './recount.ts'
import { type Running, released } from './running.ts'
import { type Touched, touchedColumns } from './touched.ts'

/** A try that failed: another one after a while, or, when there is none left, failed for good. */
export async function failTry(core: Core, store: ISql, task: Running, error: string): Promise<readonly Touched[]> {
  if (task.tries > task.max_retries) return failForGood(core, store, task.id, error)
  const now = core.clock.now()
  const wait = backoff(retryWaits, task.tries, core.random())
  const reason = `try ${task.tries} of ${task.max_retries + 1} failed; the next begins in ${Math.ceil(wait / 1_000)} s`
  return store<Touched[]>`
    UPDATE task SET ${released(store, now)}, state = 'pending', reason = ${reason}, error = ${error}, trying = false,
      due = ${new Date(now.getTime() + wait)}
    WHERE id = ${task.id} RETURNING ${touchedColumns(store)}`
}

/** Everything downstream is cancelled, and whoever asked is told. */
export async function failForGood(core: Core, store: ISql, id: string, error: string): Promise<readonly Touched[]> {
  const now = core.clock.now()
  const failed = await store<(Touched & { name: string })[]>`
    UPDATE task SET ${released(store, now)}, state = 'failed', reason = '', due = NULL, error = ${error}, trying = false, ended_at = ${now},
      cancelled_with = NULL, untold = true
    WHERE id = ${id} RETURNING ${touchedColumns(store)}, name`
  const reason = `${failed[0]?.name ?? id}, which it needs, failed`
  return [...failed, ...(await cancelDownstream(core, store, id, reason))]
}

/** What depends on a task, at any distance, and has not ended. */
export function cancelDownstream(core: Core, store: ISql, id: string, reason: string): Promise<readonly Touched[]> {
  const now = core.clock.now()
  return store<Touched[]>`
    WITH RECURSIVE below(id) AS (
      SELECT task FROM task_dependency WHERE needs = ${id}
      UNION SELECT task_dependency.task FROM below JOIN task_dependency ON needs = below.id
    )
    UPDATE task SET ${released(store, now)}, state = 'cancelled', reason = ${reason}, due = NULL, trying = false, ended_at = ${now},
      cancelled_with = ${id}
    FROM below WHERE task.id = below.id AND state NOT IN ('completed', 'failed', 'cancelled')
    RETURNING ${touchedColumns(store)}`
}

export function cancel(core: Core, id: string, by: string): Promise<boolean> {
  return core.lane.run(async () => {
    const now = core.clock.now()
    const touched = await core.store.begin(async store => {
      const cancelled = await store<(Touched & { name: string })[]>`
        UPDATE task SET ${released(store, now)}, state = 'cancelled', reason = ${`cancelled by ${by}`}, due = NULL, trying = false,
          ended_at = ${now}, cancelled_with = NULL
        WHERE id = ${id} AND state NOT IN ('completed', 'failed', 'cancelled') RETURNING ${touchedColumns(store)}, name`
      const [task] = cancelled
      if (task === undefined) return []
      return [...cancelled, ...(await cancelDownstream(core, store, id, `${task.name}, which it needs, was cancelled by ${by}`))]
    })
    core.changed(touched)
    return touched.length > 0
  })
}

/**
 * What failed or was cancelled begins anew with all of its tries: the task, what it needs and did not get, and what was
 * cancelled with any of these. A task that a spent budget holds is granted as much again.
 */
export function retry(core: Core, id: string): Promise<boolean> {
  return core.lane.run(async () => {
    const touched = await core.store.begin(async store => {
      const granted = await store<Touched[]>`
        UPDATE task SET state = 'ready', reason = '', grants = grants + held::int, held = false, due = NULL, round = round + 1, untold = false
        WHERE id = ${id} AND state = 'pending' RETURNING ${touchedColumns(store)}`
      return granted.length > 0 ? granted : beginAnew(store, id, core.clock.now())
    })
    core.changed(touched)
    return touched.length > 0
  })
}

async function beginAnew(store: ISql, id: string, now: Date): Promise<readonly Touched[]> {
  const begun = await store<{ id: string }[]>`
    WITH RECURSIVE again(id) AS (
      SELECT id FROM task WHERE id = ${id} AND state IN ('failed', 'cancelled')
      UNION SELECT other.id FROM again CROSS JOIN LATERAL (
        SELECT needs AS id FROM task_dependency WHERE task_dependency.task = again.id
        UNION ALL SELECT task.id FROM task WHERE cancelled_with = again.id
      ) AS near JOIN task AS other ON other.id = near.id AND other.state IN ('failed', 'cancelled')
    )
    UPDATE task SET state = 'blocked', reason = '', error = NULL, ended_at = NULL, tries = 0, lost = 0, hand_offs = 0,
      reworks = 0, cancelled_with = NULL, untold = false, token = token + 1
    FROM again WHERE task.id = again.id RETURNING task.id`
  const ids = begun.map(row => row.id)
  await store`UPDATE task_graph SET told = false, round = round + 1 WHERE id IN (SELECT graph FROM task WHERE id = ANY(${ids}::uuid[]))`
  return recount(store, ids, now)
}

import type { ISql } from 'postgres'
import type { Core } from './core.ts'
import { isId, isToken } from './submission.ts'
import type { Touched } from './touched.ts'

/** A task whose claim counts, locked by the transaction that read it. */
export interface Running extends Touched {
  readonly name: string
  readonly tries: number
  readonly max_retries: number
  readonly lost: number
  readonly hand_offs: number
  readonly reworks: number
  readonly timeout_seconds: number
  readonly lease_until: Date | null
  readonly deadline: Date | null
}

/**
 * Does something with a running task as one transaction of the lane, if the token is that of its newest claim. What `work`
 * gives is told as changed; undefined, and false for the caller, when the token counts no more.
 */
export function withRunning(
  core: Core,
  id: string,
  token: number,
  work: (store: ISql, task: Running) => Promise<readonly Touched[]>,
): Promise<boolean> {
  if (!isId(id) || !isToken(token)) return Promise.resolve(false)
  return core.lane.run(async () => {
    const touched = await core.store.begin(async transaction => {
      const [task] = await transaction<Running[]>`
        SELECT * FROM task WHERE id = ${id} AND token = ${token} AND state IN ('assigned', 'in_progress') FOR UPDATE`
      return task && (await work(transaction, task))
    })
    if (touched !== undefined) core.changed(touched)
    return touched !== undefined
  })
}

/** What a task loses that nobody works on any more; its time so far is booked. */
export const released = (store: ISql, now: Date) => store`
  lease_until = NULL, deadline = NULL, milliseconds_left = NULL, working_since = NULL,
  milliseconds = milliseconds + COALESCE(extract(epoch FROM ${now}::timestamptz - working_since) * 1000, 0)`

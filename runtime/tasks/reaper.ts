import type { ISql } from 'postgres'
import { explain } from '../os/errors.ts'
import type { Core } from './core.ts'
import { failForGood, failTry } from './failure.ts'
import { ageingMilliseconds, mostLosses } from './numbers.ts'
import { type Running, released } from './running.ts'
import { type Touched, touchedColumns } from './touched.ts'

/** Does what time makes due: leases that run out, tries that take too long, waits that end. Sleeps until the nearest. */
export interface Reaper {
  /** Something is due then. */
  before(due: Date): void
  start(): Promise<void>
  stop(): Promise<void>
}

/** Of one round, so that others get their turn in the lane. */
const most = 200
/** What timers can hold. */
const longestSleep = 86_400_000
const afterTrouble = 1_000

export function createReaper(core: Core): Reaper {
  const ending = new AbortController()
  let armed = Number.POSITIVE_INFINITY
  let sleeping = new AbortController()
  let working: Promise<void> = Promise.resolve()

  const arm = (at: number) => {
    if (ending.signal.aborted || at >= armed) return
    armed = at
    sleeping.abort()
    sleeping = new AbortController()
    const { signal } = sleeping
    const wait = Math.min(longestSleep, Math.max(0, at - core.clock.now().getTime()))
    void core.clock.sleep(wait, signal).then(() => {
      if (!signal.aborted) working = wakeUp()
    })
  }
  const wakeUp = async () => {
    armed = Number.POSITIVE_INFINITY
    try {
      const next = await reapDue(core)
      if (next !== undefined) arm(next.getTime())
    } catch (error) {
      core.log.debug('due tasks not seen to', { error: explain(error) })
      arm(core.clock.now().getTime() + afterTrouble)
    }
  }
  return {
    before: due => arm(due.getTime()),
    start: wakeUp,
    async stop() {
      ending.abort()
      sleeping.abort()
      await working
    },
  }
}

/** When the next is due. */
async function reapDue(core: Core): Promise<Date | undefined> {
  for (;;) {
    const seen = await core.lane.run(async () => {
      const ids = core.open.due(core.clock.now(), most)
      if (ids.length > 0) core.changed(await core.store.begin(store => reapThese(core, store, ids)))
      return ids.length
    })
    if (seen < most) break
  }
  return core.open.nextDue()
}

async function reapThese(core: Core, store: ISql, ids: readonly string[]): Promise<readonly Touched[]> {
  const due = await store<Running[]>`
    SELECT * FROM task WHERE id = ANY(${[...ids]}::uuid[]) AND due <= ${core.clock.now()} ORDER BY due FOR UPDATE`
  const results: Touched[] = []
  for (const task of due) {
    // One before it took this one with it.
    if (results.some(({ id }) => id === task.id)) continue
    results.push(...(await reap(core, store, task)))
  }
  return results
}

function reap(core: Core, store: ISql, task: Running): Promise<readonly Touched[]> {
  const now = core.clock.now()
  if (task.state === 'pending') {
    return store<Touched[]>`
      UPDATE task SET state = 'ready', reason = '', due = NULL, held = false, round = round + 1,
        rank = ${now.getTime()}::bigint - priority * ${ageingMilliseconds}::bigint
      WHERE id = ${task.id} RETURNING ${touchedColumns(store)}`
  }
  if (task.deadline !== null && task.deadline <= now) {
    return failTry(core, store, task, `there was no result within ${task.timeout_seconds} s`)
  }
  if (task.lost + 1 >= mostLosses) {
    return failForGood(
      core,
      store,
      task.id,
      `its agent was lost ${mostLosses} times while it worked on this; a person has to look`,
    )
  }
  return store<Touched[]>`
    UPDATE task SET ${released(store, now)}, state = 'ready', reason = '', due = NULL, lost = lost + 1, round = round + 1,
      rank = ${now.getTime()}::bigint - priority * ${ageingMilliseconds}::bigint
    WHERE id = ${task.id} RETURNING ${touchedColumns(store)}`
}

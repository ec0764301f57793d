import type { Core } from './core.ts'
import { leaseMilliseconds } from './numbers.ts'
import { released, withRunning } from './running.ts'
import { type Touched, touchedColumns } from './touched.ts'

/** While it waits neither its lease nor its time runs. */
export async function waits(core: Core, id: string, token: number, reason: string): Promise<void> {
  const now = core.clock.now()
  const lease = new Date(now.getTime() + leaseMilliseconds)
  await withRunning(core, id, token, (store, task) => {
    if (reason !== '') {
      return store<Touched[]>`
        UPDATE task SET state = 'in_progress', reason = ${reason}, due = NULL, lease_until = NULL, deadline = NULL,
          milliseconds_left = COALESCE(milliseconds_left, GREATEST(0, extract(epoch FROM deadline - ${now}::timestamptz) * 1000)),
          milliseconds = milliseconds + COALESCE(extract(epoch FROM ${now}::timestamptz - working_since) * 1000, 0),
          working_since = NULL
        WHERE id = ${task.id} RETURNING ${touchedColumns(store)}`
    }
    return store<Touched[]>`
      UPDATE task SET reason = '', lease_until = ${lease}, milliseconds_left = NULL, working_since = ${now},
        deadline = COALESCE(deadline, ${now}::timestamptz + milliseconds_left * interval '1 millisecond'),
        due = LEAST(${lease}, COALESCE(deadline, ${now}::timestamptz + milliseconds_left * interval '1 millisecond'))
      WHERE id = ${task.id} AND working_since IS NULL RETURNING ${touchedColumns(store)}`
  })
}

/** A claim that could not be used just now: the try goes on later, and counts as none. */
export function giveBack(core: Core, id: string, token: number, reason: string, milliseconds: number): Promise<boolean> {
  const now = core.clock.now()
  return withRunning(
    core,
    id,
    token,
    (store, task) => store<Touched[]>`
      UPDATE task SET ${released(store, now)}, state = 'pending', reason = ${reason}, due = ${new Date(now.getTime() + milliseconds)}
      WHERE id = ${task.id} RETURNING ${touchedColumns(store)}`,
  )
}

import type { ISql, PendingQuery } from 'postgres'
import type { Core } from './core.ts'
import { ageingMilliseconds } from './numbers.ts'
import { type Touched, touchedColumns } from './touched.ts'

export interface Completion {
  readonly id: string
  readonly token: number
  readonly result: string
}

export interface Completed extends Touched {
  readonly token: number
}

/**
 * Completes the tasks whose token counts, and unblocks what waited for nothing else, in one statement. The answer holds
 * every task that was touched; one that is not in it as `completed` was refused.
 */
export function complete({ clock }: Core, store: ISql, completions: readonly Completion[]): PendingQuery<Completed[]> {
  const now = clock.now()
  return store<Completed[]>`
    WITH done AS (
      UPDATE task SET state = 'completed', reason = '', error = NULL, result = given.result, ended_at = ${now}, trying = false,
        milliseconds = milliseconds + COALESCE(extract(epoch FROM ${now}::timestamptz - working_since) * 1000, 0),
        working_since = NULL, lease_until = NULL, deadline = NULL, milliseconds_left = NULL, due = NULL
      FROM unnest(${completions.map(({ id }) => id)}::uuid[], ${completions.map(({ token }) => token)}::int[],
        ${completions.map(({ result }) => result)}::text[]) AS given(id, token, result)
      WHERE task.id = given.id AND task.token = given.token AND state IN ('assigned', 'in_progress')
      RETURNING ${touchedColumns(store)}, task.token
    ), freed AS (
      UPDATE task SET open_dependencies = open_dependencies - met.count,
        state = CASE WHEN open_dependencies = met.count THEN 'ready' ELSE 'blocked' END,
        rank = CASE WHEN open_dependencies = met.count THEN ${now.getTime()}::bigint - priority * ${ageingMilliseconds}::bigint ELSE rank END,
        round = round + CASE WHEN open_dependencies = met.count THEN 1 ELSE 0 END
      FROM (
        SELECT task, count(*)::int AS count FROM done JOIN task_dependency ON needs = done.id GROUP BY task
      ) AS met
      WHERE task.id = met.task AND state = 'blocked'
      RETURNING ${touchedColumns(store)}, task.token
    )
    SELECT * FROM done UNION ALL SELECT * FROM freed`
}

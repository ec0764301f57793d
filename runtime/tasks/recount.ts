import type { ISql } from 'postgres'
import { ageingMilliseconds } from './numbers.ts'
import { type Touched, touchedColumns } from './touched.ts'

/** Counts open dependencies of tasks that nobody works on from the start: at nothing they are ready, else blocked. */
export function recount(store: ISql, ids: readonly string[], now: Date): Promise<readonly Touched[]> {
  return store<Touched[]>`
    UPDATE task SET open_dependencies = open.count, due = NULL, held = false,
      state = CASE open.count WHEN 0 THEN 'ready' ELSE 'blocked' END,
      rank = ${now.getTime()}::bigint - priority * ${ageingMilliseconds}::bigint,
      round = round + CASE open.count WHEN 0 THEN 1 ELSE 0 END
    FROM (
      SELECT given.id, count(needed.id)::int AS count FROM unnest(${[...ids]}::uuid[]) AS given(id)
      LEFT JOIN task_dependency ON task_dependency.task = given.id
      LEFT JOIN task AS needed ON needed.id = task_dependency.needs AND needed.state <> 'completed'
      GROUP BY given.id
    ) AS open
    WHERE task.id = open.id
    RETURNING ${touchedColumns(store)}`
}

import type { ISql } from 'postgres'
import { mostNamed, type TaskRow, taskOf } from './row.ts'
import type { Task, TaskFilter } from './task.ts'

/** Columns of {@link TaskRow}, of `task` as `t` and `task_graph` as `g`. */
export const viewColumns = (store: ISql) => store`
  t.id, t.graph, t.name, t.description, t.agent, g.by_name, g.thread, t.priority, t.state, t.criteria, t.result,
  t.error, t.tries, t.max_retries, t.timeout_seconds, t.created_at, t.started_at, t.ended_at, t.tokens, t.microdollars,
  t.milliseconds, t.round, t.token,
  t.reason, t.open_dependencies,
  CASE t.state WHEN 'blocked' THEN ARRAY(
    SELECT name FROM (
      SELECT needed.name, needed.position FROM task_dependency JOIN task AS needed ON needed.id = needs
      WHERE task_dependency.task = t.id AND needed.state <> 'completed' LIMIT ${mostNamed}
    ) AS first ORDER BY position
  ) ELSE '{}' END AS waits_for,
  ARRAY(SELECT needs::text FROM task_dependency WHERE task_dependency.task = t.id) AS depends_on`

export const readRows = (store: ISql, ids: readonly string[]) => store<TaskRow[]>`
  SELECT ${viewColumns(store)} FROM task t JOIN task_graph g ON g.id = t.graph WHERE t.id = ANY(${[...ids]}::uuid[])`

/** In the order of the ids. */
export async function readTasks(store: ISql, ids: readonly string[]): Promise<readonly Task[]> {
  const tasks = new Map((await readRows(store, ids)).map(row => [row.id, taskOf(row)]))
  return ids.flatMap(id => tasks.get(id) ?? [])
}

const defaultLimit = 200

export async function listTasks(store: ISql, filter: TaskFilter = {}): Promise<readonly Task[]> {
  const { agent, thread, states, limit = defaultLimit } = filter
  const rows = await store<TaskRow[]>`
    SELECT ${viewColumns(store)} FROM task t JOIN task_graph g ON g.id = t.graph
    WHERE ${agent === undefined ? store`true` : store`t.agent = ${agent}`}
      AND ${thread === undefined ? store`true` : store`g.thread = ${thread}`}
      AND ${states === undefined ? store`true` : store`t.state = ANY(${[...states]}::text[])`}
    ORDER BY t.position DESC LIMIT ${limit}`
  return rows.map(taskOf)
}

export async function graphTasks(store: ISql, graph: string): Promise<readonly Task[]> {
  const rows = await store<TaskRow[]>`
    SELECT ${viewColumns(store)} FROM task t JOIN task_graph g ON g.id = t.graph WHERE t.graph = ${graph} ORDER BY t.position`
  return rows.map(taskOf)
}

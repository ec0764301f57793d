import type { ISql } from 'postgres'
import { ApplianceError } from '../os/errors.ts'
import type { Core } from './core.ts'
import { type Added, freshTask, type NewRow, type Placed, placeTasks, type Standing } from './place.ts'
import { readTasks } from './read.ts'
import { type SoundTask, soundSubmission } from './submission.ts'
import type { Submission, Task } from './task.ts'
import { type Touched, touchedColumns } from './touched.ts'

/** Submissions of one transaction. */
const most = 100

/** Adds all tasks of a submission or none; those whose idempotency key is known are given back as they are. */
export function submitting(core: Core): (submission: Submission) => Promise<readonly Task[]> {
  const add = core.lane.gathered((asked: readonly Asked[]) => addAll(core, asked), most)
  return async submission => {
    const placed = await add({ submission, tasks: soundSubmission(submission.tasks, core.agents()) })
    if (placed instanceof ApplianceError) throw placed
    const known = placed.flatMap(one => (typeof one === 'string' ? one : []))
    const read = new Map(known.length === 0 ? [] : (await readTasks(core.store, known)).map(task => [task.id, task]))
    return placed.flatMap(one => (typeof one === 'string' ? (read.get(one) ?? []) : freshTask(one)))
  }
}

interface Asked {
  readonly submission: Submission
  readonly tasks: readonly SoundTask[]
}

/** Of each submission what was added and the ids of what was there, or why it was refused. */
async function addAll(core: Core, asked: readonly Asked[]): Promise<readonly (readonly Placed[] | ApplianceError)[]> {
  const at = core.clock.now()
  const { results, touched } = await core.store.begin(async store => {
    const tasks = asked.flatMap(one => one.tasks)
    const known = await knownKeys(store, tasks)
    const before = await standingBefore(store, tasks, known)
    const added: Added = { graphs: [], rows: [] }
    const results = asked.map(one => placeTasks(one.submission, one.tasks, { known, before, at, added }))
    return { results, touched: added.rows.length === 0 ? [] : await insert(store, added, at) }
  })
  core.changed(touched)
  return results
}

async function insert(store: ISql, { graphs, rows }: Added, at: Date): Promise<readonly Touched[]> {
  await store`
    INSERT INTO task_graph (id, by_name, thread, origin, at)
    SELECT id, by, thread, origin, ${at} FROM json_to_recordset(${JSON.stringify(graphs)}::text::json)
      AS new (id uuid, by text, thread text, origin text)`
  const needs = rows.flatMap(row => row.needs)
  if (needs.length > 0) {
    const tasks = rows.flatMap(row => row.needs.map(() => row.id))
    await store`INSERT INTO task_dependency (needs, task) SELECT * FROM unnest(${needs}::uuid[], ${tasks}::uuid[])`
  }
  return store<Touched[]>`
    INSERT INTO task (id, graph, idempotency_key, name, description, criteria, agent, priority, max_retries, timeout_seconds,
      created_at, state, open_dependencies, rank, round)
    SELECT id, graph, "idempotencyKey", name, description, criteria, agent, priority, "maxRetries", "timeoutSeconds", ${at},
      CASE open WHEN 0 THEN 'ready' ELSE 'blocked' END, open, rank, CASE open WHEN 0 THEN 1 ELSE 0 END
    FROM json_to_recordset(${JSON.stringify(rows.map(stored))}::text::json) AS new (id uuid, graph uuid, "idempotencyKey" text, name text,
      description text, criteria jsonb, agent text, priority smallint, "maxRetries" integer, "timeoutSeconds" integer,
      open integer, rank bigint)
    RETURNING ${touchedColumns(store)}`
}

const stored = ({ needs: _needs, waitsFor: _names, submission: _submission, at: _at, ...row }: NewRow) => row

async function knownKeys(store: ISql, tasks: readonly SoundTask[]): Promise<Map<string, string>> {
  const keys = tasks.flatMap(task => task.idempotencyKey ?? [])
  if (keys.length === 0) return new Map()
  const rows = await store<{ key: string; id: string }[]>`
    SELECT idempotency_key AS key, id FROM task WHERE idempotency_key = ANY(${keys})`
  return new Map(rows.map(row => [row.key, row.id]))
}

/** The tasks that new ones are said to wait for, and siblings that were there before. */
async function standingBefore(
  store: ISql,
  tasks: readonly SoundTask[],
  known: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, Standing>> {
  const ids = [...new Set([...tasks.flatMap(task => task.existing), ...known.values()])]
  if (ids.length === 0) return new Map()
  const rows = await store<({ id: string } & Standing)[]>`
    SELECT id, name, state FROM task WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`
  return new Map(rows.map(row => [row.id, row]))
}

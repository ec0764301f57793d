import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import { ApplianceError } from '../os/errors.ts'
import type { Core, Touched } from './core.ts'
import { ageingMilliseconds } from './numbers.ts'
import { readTasks } from './read.ts'
import { invalid, type SoundTask, soundSubmission, unknownDependency } from './submission.ts'
import type { Submission, Task, TaskState } from './task.ts'

/** Submissions of one transaction. */
const most = 100

/** Adds all tasks of a submission or none; those whose idempotency key is known are given back as they are. */
export function submitting(core: Core): (submission: Submission) => Promise<readonly Task[]> {
  const add = core.lane.gathered((asked: readonly Asked[]) => addAll(core, asked), most)
  return async submission => {
    const ids = await add({ submission, tasks: soundSubmission(submission.tasks, core.agents()) })
    if (ids instanceof ApplianceError) throw ids
    return readTasks(core.store, ids)
  }
}

interface Asked {
  readonly submission: Submission
  readonly tasks: readonly SoundTask[]
}

/** A task as it is stored. */
interface NewRow extends Omit<SoundTask, 'siblings' | 'existing'> {
  readonly id: string
  readonly graph: string
  readonly open: number
  readonly rank: number
}

/** What all submissions of one transaction add. */
interface Added {
  readonly graphs: {
    readonly id: string
    readonly by: string
    readonly thread: string | undefined
    readonly origin: string | undefined
  }[]
  readonly rows: NewRow[]
  readonly needs: string[]
  readonly tasks: string[]
}

/** Ids of the tasks of each submission, or why it was refused. */
async function addAll(core: Core, asked: readonly Asked[]): Promise<readonly (readonly string[] | ApplianceError)[]> {
  const at = core.clock.now()
  const { results, touched } = await core.store.begin(async store => {
    const tasks = asked.flatMap(one => one.tasks)
    const known = await knownKeys(store, tasks)
    const before = await statesBefore(store, tasks, known)
    const added: Added = { graphs: [], rows: [], needs: [], tasks: [] }
    const results = asked.map(one => place(one, known, before, at, added))
    return { results, touched: added.rows.length === 0 ? [] : await insert(store, added, at) }
  })
  core.changed(touched)
  return results
}

/** Gives the tasks of one submission their ids and says what they wait for. */
function place(
  { submission, tasks }: Asked,
  known: Map<string, string>,
  before: ReadonlyMap<string, TaskState>,
  at: Date,
  added: Added,
): readonly string[] | ApplianceError {
  const mistakes = tasks.flatMap(task => task.existing.flatMap(id => mistakeOf(task.name, id, before.get(id.toLowerCase()))))
  if (mistakes.length > 0) return invalid(mistakes)
  const keyOf = (task: SoundTask) => known.get(task.idempotencyKey ?? '')
  const fresh = new Set(tasks.filter(task => keyOf(task) === undefined))
  const ids = new Map(tasks.map(task => [task.name, keyOf(task) ?? randomUUID()]))
  const idOf = (name: string) => ids.get(name) ?? ''
  const freshIds = new Set([...fresh].map(task => idOf(task.name)))
  const graph = randomUUID()
  for (const task of fresh) {
    const { siblings, existing, ...rest } = task
    const id = idOf(task.name)
    const needs = new Set([...siblings.map(idOf), ...existing.map(one => one.toLowerCase())])
    const open = [...needs].filter(one => freshIds.has(one) || before.get(one) !== 'completed').length
    added.rows.push({ ...rest, id, graph, open, rank: at.getTime() - task.priority * ageingMilliseconds })
    for (const one of needs) {
      added.needs.push(one)
      added.tasks.push(id)
    }
    if (task.idempotencyKey !== undefined) known.set(task.idempotencyKey, id)
  }
  const { by, thread, origin } = submission
  if (fresh.size > 0) added.graphs.push({ id: graph, by, thread, origin })
  return tasks.map(task => idOf(task.name))
}

function mistakeOf(name: string, id: string, state: TaskState | undefined): readonly string[] {
  if (state === undefined) return [unknownDependency(name, id)]
  return state === 'failed' || state === 'cancelled' ? [`${JSON.stringify(name)} depends on ${id}, which is ${state}`] : []
}

async function insert(store: ISql, { graphs, rows, needs, tasks }: Added, at: Date): Promise<readonly Touched[]> {
  await store`
    INSERT INTO task_graph (id, by_name, thread, origin, at)
    SELECT id, by, thread, origin, ${at} FROM json_to_recordset(${JSON.stringify(graphs)}::text::json)
      AS new (id uuid, by text, thread text, origin text)`
  if (needs.length > 0) {
    await store`INSERT INTO task_dependency (needs, task) SELECT * FROM unnest(${needs}::uuid[], ${tasks}::uuid[])`
  }
  return store<Touched[]>`
    INSERT INTO task (id, graph, idempotency_key, name, description, criteria, agent, priority, max_retries, timeout_seconds,
      created_at, state, open_dependencies, rank, round)
    SELECT id, graph, "idempotencyKey", name, description, criteria, agent, priority, "maxRetries", "timeoutSeconds", ${at},
      CASE open WHEN 0 THEN 'ready' ELSE 'blocked' END, open, rank, CASE open WHEN 0 THEN 1 ELSE 0 END
    FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS new (id uuid, graph uuid, "idempotencyKey" text, name text,
      description text, criteria jsonb, agent text, priority smallint, "maxRetries" integer, "timeoutSeconds" integer,
      open integer, rank bigint)
    RETURNING id, graph, agent, state, due`
}

async function knownKeys(store: ISql, tasks: readonly SoundTask[]): Promise<Map<string, string>> {
  const keys = tasks.flatMap(task => task.idempotencyKey ?? [])
  if (keys.length === 0) return new Map()
  const rows = await store<{ key: string; id: string }[]>`
    SELECT idempotency_key AS key, id FROM task WHERE idempotency_key = ANY(${keys})`
  return new Map(rows.map(row => [row.key, row.id]))
}

/** States of the tasks that new ones are said to wait for, and of siblings that were there before. */
async function statesBefore(
  store: ISql,
  tasks: readonly SoundTask[],
  known: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, TaskState>> {
  const ids = [...new Set([...tasks.flatMap(task => task.existing), ...known.values()])]
  if (ids.length === 0) return new Map()
  const rows = await store<{ id: string; state: TaskState }[]>`
    SELECT id, state FROM task WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`
  return new Map(rows.map(row => [row.id, row.state]))
}

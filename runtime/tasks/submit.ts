import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Core, Touched } from './core.ts'
import { ageingMilliseconds } from './numbers.ts'
import { readTasks } from './read.ts'
import { invalid, type SoundTask, soundSubmission, unknownDependency } from './submission.ts'
import type { Submission, Task, TaskState } from './task.ts'

/** Adds all tasks of a submission or none; those whose idempotency key is known are given back as they are. */
export async function submit(core: Core, submission: Submission): Promise<readonly Task[]> {
  const sound = soundSubmission(submission.tasks, core.agents())
  return core.lane.run(async () => {
    const { ids, touched } = await core.store.begin(transaction => add(transaction, sound, submission, core.clock.now()))
    core.changed(touched)
    return readTasks(core.store, ids)
  })
}

async function add(store: ISql, tasks: readonly SoundTask[], submission: Submission, at: Date) {
  const known = await knownKeys(store, tasks)
  const ids = new Map(tasks.map(task => [task.name, known.get(task.idempotencyKey ?? '') ?? randomUUID()]))
  const idOf = (name: string) => ids.get(name) ?? ''
  const added = tasks.filter(task => !known.has(task.idempotencyKey ?? ''))
  const touched = added.length === 0 ? [] : await insert(store, added, idOf, submission, at)
  return { ids: tasks.map(task => idOf(task.name)), touched }
}

async function insert(
  store: ISql,
  tasks: readonly SoundTask[],
  idOf: (name: string) => string,
  submission: Submission,
  at: Date,
): Promise<readonly Touched[]> {
  const graph = randomUUID()
  const added = new Set(tasks.map(task => idOf(task.name)))
  const needsOf = (task: SoundTask) => [...new Set([...task.siblings.map(idOf), ...task.existing])]
  const before = await statesBefore(store, tasks, task => needsOf(task).filter(id => !added.has(id)))
  await store`
    INSERT INTO task_graph (id, by_name, thread, origin, at)
    VALUES (${graph}, ${submission.by}, ${submission.thread ?? null}, ${submission.origin ?? null}, ${at})`
  const rows = tasks.map(task => {
    const { siblings, existing, ...rest } = task
    const open = needsOf(task).filter(id => added.has(id) || before.get(id) !== 'completed').length
    return { ...rest, id: idOf(task.name), open, rank: at.getTime() - task.priority * ageingMilliseconds }
  })
  const touched = await store<Touched[]>`
    INSERT INTO task (id, graph, idempotency_key, name, description, criteria, agent, priority, max_retries, timeout_seconds,
      created_at, state, open_dependencies, rank, round)
    SELECT id, ${graph}, "idempotencyKey", name, description, criteria, agent, priority, "maxRetries", "timeoutSeconds", ${at},
      CASE open WHEN 0 THEN 'ready' ELSE 'blocked' END, open, rank, CASE open WHEN 0 THEN 1 ELSE 0 END
    FROM json_to_recordset(${store.json(rows)}::json) AS new (id uuid, "idempotencyKey" text, name text, description text,
      criteria jsonb, agent text, priority smallint, "maxRetries" integer, "timeoutSeconds" integer, open integer, rank bigint)
    RETURNING id, graph, agent, state, due`
  const pairs = tasks.flatMap(task => needsOf(task).map(needs => ({ needs, task: idOf(task.name) })))
  if (pairs.length > 0) {
    await store`
      INSERT INTO task_dependency (needs, task)
      SELECT * FROM unnest(${pairs.map(pair => pair.needs)}::uuid[], ${pairs.map(pair => pair.task)}::uuid[])`
  }
  return touched
}

async function knownKeys(store: ISql, tasks: readonly SoundTask[]): Promise<ReadonlyMap<string, string>> {
  const keys = tasks.flatMap(task => task.idempotencyKey ?? [])
  if (keys.length === 0) return new Map()
  const rows = await store<{ key: string; id: string }[]>`
    SELECT idempotency_key AS key, id FROM task WHERE idempotency_key = ANY(${keys})`
  return new Map(rows.map(row => [row.key, row.id]))
}

/** States of the tasks that were there before; throws when one is not there, or will never be completed. */
async function statesBefore(
  store: ISql,
  tasks: readonly SoundTask[],
  needsOf: (task: SoundTask) => readonly string[],
): Promise<ReadonlyMap<string, TaskState>> {
  const ids = [...new Set(tasks.flatMap(needsOf))]
  if (ids.length === 0) return new Map()
  const rows = await store<{ id: string; state: TaskState }[]>`
    SELECT id, state FROM task WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`
  const states = new Map(rows.map(row => [row.id, row.state]))
  const mistakes = tasks.flatMap(task =>
    needsOf(task).flatMap(id => {
      const state = states.get(id)
      if (state === undefined) return [unknownDependency(task.name, id)]
      if (state === 'failed' || state === 'cancelled') return [`${JSON.stringify(task.name)} depends on ${id}, which is ${state}`]
      return []
    }),
  )
  if (mistakes.length > 0) throw invalid(mistakes)
  return states
}

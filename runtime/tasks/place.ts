import type { ApplianceError } from '../os/errors.ts'
import { ageingMilliseconds } from './numbers.ts'
import { mostNamed, waitsFor } from './row.ts'
import { invalid, type SoundTask, unknownDependency } from './submission.ts'
import type { Submission, Task, TaskState } from './task.ts'

/** A task as it is added. */
export interface NewRow extends Omit<SoundTask, 'siblings' | 'existing'> {
  readonly id: string
  readonly graph: string
  readonly submission: Submission
  readonly at: Date
  /** Ids of all that it needs. */
  readonly needs: readonly string[]
  /** How many of them are not completed, and the names of the first. */
  readonly open: number
  readonly waitsFor: readonly string[]
  readonly rank: number
}

/** What is added, or the id of what was there. */
export type Placed = NewRow | string

/** A task that was there before. */
export interface Standing {
  readonly name: string
  readonly state: TaskState
}

/** What all submissions of one transaction add. */
export interface Added {
  readonly graphs: {
    readonly id: string
    readonly by: string
    readonly thread: string | undefined
    readonly origin: string | undefined
  }[]
  readonly rows: NewRow[]
}

export interface Place {
  /** Ids by idempotency key; those of this submission come in. */
  readonly known: Map<string, string>
  readonly before: ReadonlyMap<string, Standing>
  readonly at: Date
  readonly added: Added
}

/** Gives the tasks of one submission their ids and says what they wait for. */
export function placeTasks(
  submission: Submission,
  tasks: readonly SoundTask[],
  { known, before, at, added }: Place,
): readonly Placed[] | ApplianceError {
  const mistakes = tasks.flatMap(task => task.existing.flatMap(id => mistakeOf(task.name, id, before.get(id.toLowerCase()))))
  if (mistakes.length > 0) return invalid(mistakes)
  const keyOf = (task: SoundTask) => known.get(task.idempotencyKey ?? '')
  const fresh = new Set(tasks.filter(task => keyOf(task) === undefined))
  const ids = new Map(tasks.map(task => [task.name, keyOf(task) ?? Bun.randomUUIDv7()]))
  const idOf = (name: string) => ids.get(name) ?? ''
  const names = new Map([...fresh].map(task => [idOf(task.name), task.name]))
  const graph = Bun.randomUUIDv7()
  const placed = tasks.map((task): Placed => {
    if (!fresh.has(task)) return idOf(task.name)
    const { siblings, existing, ...rest } = task
    // The oldest first, as the store gives them.
    const needs = [...new Set([...siblings.map(idOf), ...existing.map(one => one.toLowerCase())])].sort()
    const open = needs.filter(one => names.has(one) || before.get(one)?.state !== 'completed')
    const first = open.slice(0, mostNamed).map(one => names.get(one) ?? before.get(one)?.name ?? '')
    const rank = at.getTime() - task.priority * ageingMilliseconds
    return { ...rest, id: idOf(task.name), graph, submission, at, needs, open: open.length, waitsFor: first, rank }
  })
  for (const one of placed) {
    if (typeof one === 'string') continue
    added.rows.push(one)
    if (one.idempotencyKey !== undefined) known.set(one.idempotencyKey, one.id)
  }
  const { by, thread, origin } = submission
  if (fresh.size > 0) added.graphs.push({ id: graph, by, thread, origin })
  return placed
}

function mistakeOf(name: string, id: string, standing: Standing | undefined): readonly string[] {
  if (standing === undefined) return [unknownDependency(name, id)]
  const { state } = standing
  return state === 'failed' || state === 'cancelled' ? [`${JSON.stringify(name)} depends on ${id}, which is ${state}`] : []
}

/** What reading it right after it was added would give. */
export const freshTask = (row: NewRow): Task => ({
  id: row.id,
  graph: row.graph,
  name: row.name,
  description: row.description,
  agent: row.agent,
  by: row.submission.by,
  thread: row.submission.thread,
  priority: row.priority,
  state: row.open === 0 ? 'ready' : 'blocked',
  reason: row.open === 0 ? '' : waitsFor(row.waitsFor, row.open),
  dependsOn: row.needs,
  criteria: row.criteria,
  result: undefined,
  error: undefined,
  tries: 0,
  maxRetries: row.maxRetries,
  timeoutSeconds: row.timeoutSeconds,
  createdAt: row.at.toISOString(),
  startedAt: undefined,
  endedAt: undefined,
  spent: { tokens: 0, microdollars: 0, milliseconds: 0 },
})

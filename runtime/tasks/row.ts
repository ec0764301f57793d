import type { Task, TaskState } from './task.ts'

/** A row of what {@link viewColumns} selects; numbers come as the driver gives them. */
export interface TaskRow {
  readonly id: string
  readonly graph: string
  readonly name: string
  readonly description: string
  readonly agent: string
  readonly by_name: string
  readonly thread: string | null
  readonly priority: number
  readonly state: TaskState
  readonly reason: string
  readonly open_dependencies: number
  /** Names of the first that it waits for, at most {@link mostNamed}. */
  readonly waits_for: readonly string[]
  readonly depends_on: readonly string[]
  readonly criteria: readonly string[]
  readonly result: string | null
  readonly error: string | null
  readonly tries: number
  readonly max_retries: number
  readonly timeout_seconds: number
  readonly created_at: Date
  readonly started_at: Date | null
  readonly ended_at: Date | null
  readonly tokens: string
  readonly microdollars: string
  readonly milliseconds: string
  readonly round: number
  readonly token: number
}

export const taskOf = (row: TaskRow): Task => ({
  id: row.id,
  graph: row.graph,
  name: row.name,
  description: row.description,
  agent: row.agent,
  by: row.by_name,
  thread: row.thread ?? undefined,
  priority: row.priority,
  state: row.state,
  reason: row.state === 'blocked' ? waitsFor(row.waits_for, row.open_dependencies) : row.reason,
  dependsOn: row.depends_on,
  criteria: row.criteria,
  result: row.result ?? undefined,
  error: row.error ?? undefined,
  tries: row.tries,
  maxRetries: row.max_retries,
  timeoutSeconds: row.timeout_seconds,
  createdAt: row.created_at.toISOString(),
  startedAt: row.started_at?.toISOString(),
  endedAt: row.ended_at?.toISOString(),
  spent: { tokens: Number(row.tokens), microdollars: Number(row.microdollars), milliseconds: Number(row.milliseconds) },
})

/** Of what a task waits for. */
export const mostNamed = 3

export function waitsFor(first: readonly string[], count: number): string {
  const more = count > mostNamed ? ` and ${count - mostNamed} more` : ''
  return `waits for ${first.slice(0, mostNamed).join(', ')}${more}`
}

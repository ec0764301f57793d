import type { ResourceState } from '../../../reconcilers/engine/status.ts'
import type { Spent, Task, TaskState } from '../../../runtime/tasks/task.ts'

interface Look {
  readonly state: ResourceState
  readonly word: string
}

const looks: Record<TaskState, Look> = {
  pending: { state: 'suspended', word: 'pending' },
  ready: { state: 'suspended', word: 'ready' },
  assigned: { state: 'reconciling', word: 'assigned' },
  in_progress: { state: 'reconciling', word: 'in progress' },
  blocked: { state: 'waiting', word: 'blocked' },
  completed: { state: 'ready', word: 'completed' },
  failed: { state: 'failed', word: 'failed' },
  cancelled: { state: 'suspended', word: 'cancelled' },
}

/** How a task stands, as a shape that is known from the rest of the portal, and a word. */
export function lookOf({ state, reason }: Pick<Task, 'state' | 'reason'>): Look {
  if (state !== 'in_progress' || !reason.startsWith('waits')) return looks[state]
  return reason.startsWith('waits for a person') ? { state: 'held', word: 'waits for you' } : { state: 'waiting', word: 'waits' }
}

export const ended = ({ state }: Task): boolean => state === 'completed' || state === 'failed' || state === 'cancelled'

export const activeStates: readonly TaskState[] = ['pending', 'ready', 'assigned', 'in_progress', 'blocked']

/** One line: why it waits, what went wrong, or how it begins what it gave. */
export function standingOf(task: Task): string {
  if (task.state === 'failed') return task.error ?? 'failed'
  if (task.reason !== '') return task.reason
  if (task.state === 'completed') return firstLine(task.result ?? '')
  if (task.tries > 1 && !ended(task)) return `try ${task.tries} of ${task.maxRetries + 1}`
  return firstLine(task.description)
}

/** Without the marks of Markdown. */
const firstLine = (text: string): string =>
  (text.trimStart().split('\n', 1)[0] ?? '')
    .replace(/[`*#>]+/g, '')
    .trim()
    .slice(0, 200)

/** `12 of 14 done` */
export function progressOf(tasks: readonly Task[]): string {
  const done = tasks.filter(({ state }) => state === 'completed').length
  return `${done} of ${tasks.length} done`
}

/** `$0.0124` */
export const dollars = (microdollars: number): string =>
  microdollars === 0 ? '$0' : `$${(microdollars / 1_000_000).toFixed(microdollars < 1_000_000 ? 4 : 2)}`

/** `18.4k` */
export const count = (number: number): string => (number < 10_000 ? String(number) : `${(number / 1_000).toFixed(1)}k`)

export const spentWords = ({ tokens, microdollars }: Spent): string => `${count(tokens)} tokens, ${dollars(microdollars)}`

/** Who asked for it: the address of a person, the name of an agent. */
export const whoOf = (task: Pick<Task, 'by'> | undefined): string => task?.by.replace(/^(?:person|operator):/, '') ?? ''

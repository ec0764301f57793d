import type { Task, TaskState, Tasks } from '../tasks/task.ts'

/** What health wants to know of a task that has not ended. */
export type TaskGlance = Pick<Task, 'id' | 'agent' | 'state' | 'reason' | 'error' | 'name'>

export interface TaskWatch {
  /** The tasks of an agent that have not ended. */
  of(agent: string): readonly TaskGlance[]
  /** Reads what is there and follows it; gives how to stop. */
  start(): Promise<() => void>
}

export interface TaskWatchEvents {
  /** A try has ended. */
  readonly tried: (agent: string, succeeded: boolean) => void
  readonly changed: (agent: string) => void
}

const ended: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'cancelled'])
const open: readonly TaskState[] = ['pending', 'ready', 'assigned', 'in_progress', 'blocked']

/** Follows the tasks that have not ended, in memory. */
export function watchTasks(tasks: Pick<Tasks, 'list' | 'subscribe'>, events: TaskWatchEvents): TaskWatch {
  const known = new Map<string, TaskGlance>()
  const follow = (task: Task) => {
    const before = known.get(task.id)
    if (ended.has(task.state)) known.delete(task.id)
    else known.set(task.id, glanceOf(task))
    const outcome = before === undefined ? undefined : outcomeOf(before, task)
    if (outcome !== undefined) events.tried(before?.agent ?? task.agent, outcome)
    if (before !== undefined && before.agent !== task.agent) events.changed(before.agent)
    events.changed(task.agent)
  }
  return {
    of: agent => [...known.values()].filter(task => task.agent === agent),
    async start() {
      const stop = tasks.subscribe(({ task }) => follow(task))
      for (const task of await tasks.list({ states: open, limit: 10_000 }))
        if (!known.has(task.id)) known.set(task.id, glanceOf(task))
      return stop
    },
  }
}

/** Whether a try succeeded; undefined when none has ended. One that was handed off or sent back has not failed. */
function outcomeOf(before: TaskGlance, { agent, state, error }: Task): boolean | undefined {
  if (before.state !== 'in_progress' && before.state !== 'assigned') return undefined
  if (state === 'completed') return true
  if (state === 'failed') return false
  const again = state === 'ready' || state === 'pending'
  return again && agent === before.agent && error !== undefined ? false : undefined
}

const glanceOf = ({ id, agent, state, reason, error, name }: Task): TaskGlance => ({ id, agent, state, reason, error, name })

import type { Task, TaskEvent, Tasks } from '../../../runtime/tasks/task.ts'

/** A task graph that a test writes down. */
export interface FakeTasks extends Tasks {
  put(task: Task): void
  readonly asked: string[]
}

export function fakeTasks(): FakeTasks {
  const all = new Map<string, Task>()
  const listeners = new Set<(event: TaskEvent) => void>()
  const asked: string[] = []
  const put = (task: Task) => {
    all.set(task.id, task)
    for (const listener of listeners) listener({ type: 'changed', task })
  }
  const unasked = async (): Promise<never> => {
    throw new Error('the portal does not ask this')
  }
  const end = (word: string, state: Task['state']) => async (id: string, by: string) => {
    asked.push(`${word} ${id} by ${by}`)
    const task = all.get(id)
    if (task === undefined) return false
    put({ ...task, state, reason: '' })
    return true
  }
  return {
    asked,
    put,
    submit: unasked,
    claim: unasked,
    progress: unasked,
    waits: unasked,
    complete: unasked,
    fail: unasked,
    handOff: unasked,
    claimNext: unasked,
    giveBack: unasked,
    rework: unasked,
    cancel: end('cancel', 'cancelled'),
    retry: end('retry', 'ready'),
    get: async id => all.get(id),
    list: async ({ agent, thread, states, limit = 200 } = {}) =>
      [...all.values()]
        .filter(
          task =>
            (agent === undefined || task.agent === agent) &&
            (thread === undefined || task.thread === thread) &&
            (states === undefined || states.includes(task.state)),
        )
        .reverse()
        .slice(0, limit),
    graph: async id => [...all.values()].filter(({ graph }) => graph === id),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export const task = (changes: Partial<Task> = {}): Task => ({
  id: 't1',
  graph: 'g1',
  name: 'build the page',
  description: 'Build one page for the bakery: what they bake, when they are open.',
  agent: 'code',
  by: 'supervisor',
  thread: undefined,
  priority: 5,
  state: 'ready',
  reason: '',
  dependsOn: [],
  criteria: ['index.html is valid', 'it names the opening hours'],
  result: undefined,
  error: undefined,
  tries: 0,
  maxRetries: 3,
  timeoutSeconds: 300,
  createdAt: new Date(Date.now() - 120_000).toISOString(),
  startedAt: undefined,
  endedAt: undefined,
  spent: { tokens: 0, microdollars: 0, milliseconds: 0 },
  ...changes,
})

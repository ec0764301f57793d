import type { AgentPolicy, Budgets, Rules } from '../../../desired-state/state.ts'
import type { Clock } from '../../os/clock.ts'
import { silentLog } from '../../os/log.ts'
import type { Store } from '../../store/store.ts'
import { createTasks, type TasksRoom } from '../create-tasks.ts'
import type { Announcement, News } from '../news.ts'
import type { Claim, NewTask, Task } from '../task.ts'

/** Time that stands still until it is moved. */
export interface HeldClock extends Clock {
  /** Moves it, and wakes who slept until then. */
  pass(milliseconds: number): void
  /** Milliseconds until each sleeper wakes, the nearest first. */
  readonly sleeps: () => readonly number[]
}

export function heldClock(from = new Date('2026-11-22T12:00:00Z')): HeldClock {
  let now = from.getTime()
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()
  return {
    now: () => new Date(now),
    sleeps: () => [...sleepers].map(({ until }) => until - now).sort((a, b) => a - b),
    sleep: (milliseconds, signal) =>
      new Promise(resolve => {
        const sleeper = { until: now + milliseconds, wake }
        function wake() {
          sleepers.delete(sleeper)
          resolve()
        }
        if (milliseconds <= 0 || signal?.aborted) return resolve()
        sleepers.add(sleeper)
        signal?.addEventListener('abort', sleeper.wake, { once: true })
      }),
    pass(milliseconds) {
      now += milliseconds
      for (const sleeper of sleepers) if (sleeper.until <= now) sleeper.wake()
    },
  }
}

export interface TestRoom extends AsyncDisposable {
  readonly tasks: TasksRoom
  readonly clock: HeldClock
  readonly announced: Announcement[]
  readonly news: News[]
  /** Changes what every agent may spend. */
  readonly budgets: (budgets: Partial<Budgets>) => void
  /** Submits and gives what was made, by name. */
  submit(...tasks: readonly (Partial<NewTask> & { readonly name: string })[]): Promise<Record<string, Task>>
  /** Claims the task, which must be there for it. */
  claim(task: Task): Promise<Claim>
  /** Claims and completes. */
  complete(task: Task, result?: string): Promise<void>
  /** As it is now. */
  now(task: Task): Promise<Task>
}

const nothing: Rules = { allow: [], deny: [], ask: [] }

export const generous: AgentPolicy = {
  ...{ read: nothing, write: nothing, net: nothing, run: nothing, env: nothing, sql: nothing, verb: nothing },
  limits: {
    ...{ max_file_size_mb: 1, max_execution_time_seconds: 1, max_download_size_mb: 1, max_memory_mb: 1 },
    ...{ max_connections: 1, rate_limit_requests_per_minute: 1 },
  },
  budgets: { task_tokens: 1_000_000, task_usd: 10, task_minutes: 60, day_tokens: 10_000_000, day_usd: 50 },
}

/** The task room on a store that others use too: agents are `code`, `qa`, `infra` with a suffix of this room's own. */
export async function taskRoom(store: Store, suffix = crypto.randomUUID().slice(0, 8)): Promise<TestRoom> {
  const clock = heldClock()
  const announced: Announcement[] = []
  const news: News[] = []
  let policy = generous
  const agents = ['code', 'qa', 'infra'].map(name => `${name}-${suffix}`)
  const tasks = createTasks({
    ...{ store, clock, log: silentLog, random: () => 0.5 },
    agents: () => agents,
    policyOf: agent => (agents.includes(agent) ? policy : undefined),
    announce: async list => void announced.push(...list.filter(({ task }) => agents.includes(task.agent))),
    told: async one => void news.push(one),
  })
  await tasks.start()
  const named = (agent: string) => (agent.includes('-') ? agent : `${agent}-${suffix}`)
  const claim = async (task: Task) => {
    const { agent = task.agent } = (await tasks.get(task.id)) ?? {}
    const result = await tasks.claim(task.id, agent)
    if (result.outcome !== 'claimed') throw new Error(`${task.name} was not claimed: ${JSON.stringify(result)}`)
    return result.claim
  }
  return {
    ...{ tasks, clock, announced, news, claim },
    budgets: budgets => {
      policy = { ...policy, budgets: { ...policy.budgets, ...budgets } }
    },
    async submit(...list) {
      const made = await tasks.submit({
        by: 'supervisor',
        thread: 'a-thread',
        tasks: list.map(({ agent = 'code', ...task }) => ({ description: `do ${task.name}`, ...task, agent: named(agent) })),
      })
      return Object.fromEntries(made.map(task => [task.name, task]))
    },
    async complete(task, result = `${task.name} done`) {
      const { token } = await claim(task)
      if (!(await tasks.complete(task.id, token, result))) throw new Error(`${task.name} was not completed`)
    },
    async now(task) {
      const found = await tasks.get(task.id)
      if (found === undefined) throw new Error(`${task.name} is gone`)
      return found
    },
    [Symbol.asyncDispose]: () => tasks.stop(),
  }
}

/** The one of that name; a test names only what it made. */
export function taskNamed(tasks: Record<string, Task>, name: string): Task {
  const task = tasks[name]
  if (task === undefined) throw new Error(`there is no task ${name}`)
  return task
}

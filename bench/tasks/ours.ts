import { presets } from '../../desired-state/documents/presets.ts'
import { systemClock } from '../../runtime/os/clock.ts'
import { silentLog } from '../../runtime/os/log.ts'
import type { Store } from '../../runtime/store/store.ts'
import { createTasks, type TasksRoom } from '../../runtime/tasks/create-tasks.ts'
import type { Claim } from '../../runtime/tasks/task.ts'
import { inOrder, type Node, workers } from './shape.ts'

/** `atOnce`: tasks that a worker takes in one go. Milliseconds from the first submission to the last completion, with as many workers as the other side has. */
export async function runOurs(store: Store, roots: readonly Node[], atOnce: number): Promise<number> {
  const tasks = createTasks({
    ...{ store, clock: systemClock, log: silentLog, random: Math.random },
    agents: () => ['worker'],
    policyOf: () => presets[1],
    told: async () => {},
  })
  await tasks.start()
  const total = roots.reduce((sum, root) => sum + inOrder(root).length, 0)
  const done = new AbortController()
  let completed = 0
  const startedAt = performance.now()
  const working = Array.from({ length: workers }, () =>
    work(tasks, atOnce, done.signal, () => {
      if (++completed === total) done.abort()
    }),
  )
  const submitting = roots.map(root =>
    tasks.submit({
      by: 'bench',
      tasks: inOrder(root).map(node => ({
        ...{ name: node.name, description: `do ${node.name}`, agent: 'worker' },
        dependsOn: node.needs.map(need => need.name),
      })),
    }),
  )
  await Promise.all([...submitting, ...working])
  const milliseconds = performance.now() - startedAt
  await tasks.stop()
  await check(store, total)
  return milliseconds
}

async function work(tasks: TasksRoom, atOnce: number, done: AbortSignal, completed: () => void): Promise<void> {
  let claims: readonly Claim[] = []
  while (!done.aborted) {
    const ready = tasks.whenReady('worker', done)
    // The next ones are asked for as the last ones are handed in, as workers of BullMQ do.
    const [next, ...finished] = await Promise.all([
      tasks.claimNext('worker', atOnce),
      ...claims.map(({ task, token }) => tasks.complete(task.id, token, 'done')),
    ])
    if (finished.includes(false)) throw new Error('a completion was refused')
    for (const _ of finished) completed()
    claims = next
    if (claims.length === 0) await ready
  }
}

/** Everything was done, once, and the next round begins empty. */
async function check(store: Store, total: number): Promise<void> {
  const rows = await store<{ count: number }[]>`SELECT count(*)::int AS count FROM task WHERE state = 'completed' AND token = 1`
  if (rows[0]?.count !== total) throw new Error(`${rows[0]?.count} of ${total} tasks were completed at the first claim`)
  await store`TRUNCATE task_graph, task, task_dependency`
}

import type { AgentsRoom } from '../runtime/bus/create-agents.ts'
import { inheritFromTasks } from '../runtime/bus/threads.ts'
import { ApplianceError, explain } from '../runtime/os/errors.ts'
import { createTasks, type TasksRoom } from '../runtime/tasks/create-tasks.ts'
import type { News } from '../runtime/tasks/news.ts'
import { newsText } from '../runtime/tasks/news-text.ts'
import { priceOf, tokensOf } from '../runtime/tasks/prices.ts'
import type { Ground } from './ground.ts'

/** The task graph: what is ready goes into its agent's inbox, what has ended is told in the conversation that asked for it. */
export function createTaskRoom(
  { taskStore: store, clock, log }: Pick<Ground, 'taskStore' | 'clock' | 'log'>,
  agents: AgentsRoom,
): TasksRoom {
  const tasks: TasksRoom = createTasks({
    ...{ store, clock, random: Math.random },
    log: log.with({ component: 'tasks' }),
    agents: agents.names,
    policyOf: agents.policyOf,
    async announce(announcements) {
      for (const announcement of announcements) {
        const { id, agent } = announcement.task
        if (agents.names().includes(agent)) await agents.dispatch(announcement)
        else await tasks.strand(id, agent)
      }
    },
    async told(news) {
      try {
        await tell(agents, news, (thread, ids) => inheritFromTasks(store, thread, ids))
      } catch (error) {
        // The conversation or its agent is gone, and with them whoever could be told.
        if (!(error instanceof ApplianceError && error.kind === 'invalid')) throw error
        log.warn('nobody to tell of a graph', { component: 'tasks', key: news.graph, error: explain(error) })
      }
    },
  })
  // What conversations cost counts for the agent's day as well; works of tasks are booked with their leases.
  agents.subscribe(event => {
    if (event.type !== 'work' || event.task !== undefined || event.event.type !== 'usage') return
    const { usage } = event.event
    tasks.book(event.agent, { tokens: tokensOf(usage), microdollars: priceOf(usage) }).catch(error => {
      log.warn('usage not booked', { component: 'tasks', key: event.agent, error: explain(error) })
    })
  })
  return tasks
}

type Inherit = (thread: string, tasks: readonly string[]) => Promise<void>

async function tell(agents: AgentsRoom, news: News, inherit: Inherit): Promise<void> {
  const thread = news.thread === undefined ? undefined : await agents.thread(news.thread)
  const agent = thread?.agent ?? (agents.names().includes(news.by) ? news.by : 'supervisor')
  const by = news.task?.agent ?? news.tasks.at(-1)?.agent ?? agent
  const ids = news.tasks.map(({ id }) => id)
  // Before it is read; the agent's main conversation is known only once it was told.
  if (thread !== undefined) await inherit(thread.id, ids)
  const told = await agents.tell({
    ...{ id: news.id, agent, by, text: newsText(news), priority: 7 },
    ...(thread === undefined ? {} : { thread: thread.id }),
  })
  if (thread === undefined) await inherit(told.thread, ids)
}

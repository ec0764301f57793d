/** @jsxImportSource hono/jsx */
import type { WorkStep } from '../../../runtime/bus/agents.ts'
import type { Task } from '../../../runtime/tasks/task.ts'
import { nameOf } from '../../door/door.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { agentGlances, frameOf } from '../frame.ts'
import { liveStream } from '../live/stream.ts'
import { loadMarkdown } from '../markdown/markdown.ts'
import { noticeOf, withNotice } from '../notices.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { filterOf, listedAtFirst, statesOf } from './filter.ts'
import { TasksPage, type TasksView, tasksRegions } from './list.tsx'
import { TaskPage, type TaskView, taskRegions } from './page.tsx'
import { activeStates } from './words.ts'

/** Graphs under way that are drawn above the list. */
const mostDrawn = 3

export function taskRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 } } as const
  return [
    {
      ...reads,
      path: urls.tasks.path,
      handle: async call => page(<TasksPage view={await listView(call, deps, new Set())} />),
    },
    {
      ...reads,
      path: urls.tasksLive.path,
      handle: call => {
        const seen = new Set<string>()
        const regions = async () => tasksRegions(await listView(call, deps, seen))
        return liveStream(call, { regions, subscribe: changed => subscribeToTasks(deps, changed) }, deps)
      },
    },
    {
      ...reads,
      path: urls.task.path,
      handle: async call => {
        const view = await taskView(call, deps)
        return view === undefined ? gone(call, deps) : page(<TaskPage view={view} notice={noticeOf(call)} />)
      },
    },
    {
      ...reads,
      path: urls.taskLive.path,
      handle: async call => {
        if ((await deps.tasks.get(call.params.id ?? '')) === undefined) return gone(call, deps)
        const regions = async () => {
          const view = await taskView(call, deps)
          return view === undefined ? [] : taskRegions(view)
        }
        return liveStream(call, { regions, subscribe: changed => subscribeToTasks(deps, changed) }, deps)
      },
    },
    { ...writes, path: urls.taskCancel.path, audit: 'task-cancel', handle: call => end(call, deps, 'cancel') },
    { ...writes, path: urls.taskRetry.path, audit: 'task-retry', handle: call => end(call, deps, 'retry') },
  ]
}

const gone = (call: Call, deps: PortalDeps) => missing(call, deps, 'There is no such task.')

const stepEvents: ReadonlySet<string> = new Set(['tool-started', 'tool-ended'])

export function subscribeToTasks(deps: PortalDeps, changed: () => void): () => void {
  const stops = [
    subscribeToFrame(deps, changed),
    deps.tasks.subscribe(changed),
    deps.agents.subscribe(event => {
      if (event.type === 'work' && event.task !== undefined && stepEvents.has(event.event.type)) changed()
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** `seen` remembers the graphs that this page has drawn: one that ends stays in its place. */
async function listView(call: Call, deps: PortalDeps, seen: Set<string>): Promise<TasksView> {
  const filter = filterOf(call.url.searchParams)
  const states = statesOf(filter)
  const [tasks, active] = await Promise.all([
    deps.tasks.list({
      limit: filter.most,
      ...(filter.agent === '' ? {} : { agent: filter.agent }),
      ...(states === undefined ? {} : { states }),
    }),
    deps.tasks.list({ states: activeStates, limit: listedAtFirst }),
  ])
  for (const id of new Set(active.map(({ graph }) => graph))) if (seen.size < mostDrawn || seen.has(id)) seen.add(id)
  const running = await Promise.all([...seen].map(id => deps.tasks.graph(id)))
  return {
    frame: frameOf(call, deps),
    filter,
    tasks,
    running: running.filter(graph => graph.length > 0),
    agents: agentGlances(deps).map(({ name }) => name),
    now: deps.clock.now(),
  }
}

async function taskView(call: Call, deps: PortalDeps): Promise<TaskView | undefined> {
  const task = await deps.tasks.get(call.params.id ?? '')
  if (task === undefined) return undefined
  const [graph, steps, markdown] = await Promise.all([graphOf(task, deps), stepsOf(task, deps), loadMarkdown()])
  return { frame: frameOf(call, deps), task, graph, steps, markdown, now: deps.clock.now() }
}

const graphOf = ({ graph }: Task, { tasks }: PortalDeps): Promise<readonly Task[]> => tasks.graph(graph)

/** The newest steps of a task that its page shows. */
const mostSteps = 100

/** From the thread in which its agent works on it. */
async function stepsOf({ id, agent }: Task, { agents }: PortalDeps): Promise<readonly WorkStep[]> {
  const thread = (await agents.threads(agent)).find(({ task }) => task === id)
  return thread === undefined ? [] : (await agents.steps(thread.id)).slice(-mostSteps)
}

async function end(call: Call, deps: PortalDeps, how: 'cancel' | 'retry'): Promise<Response> {
  const id = call.params.id ?? ''
  if ((await deps.tasks.get(id)) === undefined) return gone(call, deps)
  const done = await deps.tasks[how](id, nameOf(call.identity))
  const words = { cancel: 'task-cancelled', retry: 'task-retried' } as const
  return seeOther(withNotice(urls.task.to(id), done ? words[how] : 'task-ended'))
}

/** @jsxImportSource hono/jsx */
import type { AgentDeclaration } from '../../../desired-state/state.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { nameOf } from '../../door/door.ts'
import type { Call, Route } from '../../door/route.ts'
import { saidOf } from '../chat/conversations.ts'
import { readThread, type Standing, watchThread } from '../chat/watch.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf, personOf } from '../frame.ts'
import { type LiveSource, liveStream } from '../live/stream.ts'
import { loadMarkdown } from '../markdown/markdown.ts'
import { noticeOf, withNotice } from '../notices.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { fragment, fromHtmx, page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import {
  AgentPage,
  type AgentPageView,
  AgentsPage,
  type AgentsView,
  type AgentView,
  agentRegions,
  agentsRegions,
  SayForm,
} from './pages.tsx'

/** Utterances of the conversation that a page shows. */
const mostShown = 60

/** Milliseconds between two looks at a window that somebody watches. */
const screenEvery = 1_000

export function agentRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 } } as const
  return [
    { ...reads, path: urls.agents.path, handle: async call => page(<AgentsPage view={await agentsView(call, deps)} />) },
    {
      ...reads,
      path: urls.agentsLive.path,
      handle: call => {
        const regions = async () => agentsRegions(await agentsView(call, deps))
        return liveStream(call, { regions, subscribe: changed => subscribeToHealth(deps, changed) }, deps)
      },
    },
    {
      ...reads,
      path: urls.agent.path,
      handle: async call => {
        const view = await agentPageView(call, deps)
        return view === undefined ? gone(call, deps) : page(<AgentPage view={view} notice={noticeOf(call)} />)
      },
    },
    { ...reads, path: urls.agentLive.path, handle: call => watchAgent(call, deps) },
    { ...writes, path: urls.agentSay.path, audit: 'say', handle: call => say(call, deps) },
    { ...writes, path: urls.alertSeen.path, audit: 'alert-seen', handle: call => see(call, deps) },
    { ...writes, path: urls.agentRestart.path, audit: 'restart-agent', handle: call => restart(call, deps) },
  ]
}

async function declarations({ repository }: PortalDeps): Promise<ReadonlyMap<string, AgentDeclaration>> {
  const head = await repository.head()
  const parsed = head === undefined ? undefined : await repository.read(head)
  return parsed?.ok ? parsed.state.agents : new Map()
}

async function agentViews(deps: PortalDeps): Promise<readonly AgentView[]> {
  const [declared, spending] = await Promise.all([declarations(deps), deps.spentToday()])
  const presence = new Map(deps.agents.presence().map(each => [each.name, each]))
  return deps.engine
    .status()
    .resources.filter(each => each.kind === 'agent' && presence.has(each.key))
    .map(status => ({
      name: status.key,
      status,
      presence: presence.get(status.key),
      declaration: declared.get(status.key),
      health: deps.health.one(status.key),
      spent: spending.get(status.key) ?? { tokens: 0, microdollars: 0 },
    }))
}

const agentsView = async (call: Call, deps: PortalDeps): Promise<AgentsView> => ({
  frame: frameOf(call, deps),
  agents: await agentViews(deps),
  cloneCommand: deps.place.cloneCommand,
})

const agentOf = async (call: Call, deps: PortalDeps): Promise<AgentView | undefined> =>
  (await agentViews(deps)).find(each => each.name === call.params.name)

const gone = (call: Call, deps: PortalDeps) =>
  missing(call, deps, 'There is no such agent. It may have been removed by a newer commit.')

async function agentPageView(call: Call, deps: PortalDeps, read?: () => Promise<Standing>): Promise<AgentPageView | undefined> {
  const agent = await agentOf(call, deps)
  if (agent === undefined) return undefined
  const [screen, talk, markdown, current] = await Promise.all([
    deps.agents.screen(agent.name),
    read?.() ?? readThread(deps.agents, { agent: agent.name }, mostShown),
    loadMarkdown(),
    agent.health?.currentTask === undefined ? undefined : deps.tasks.get(agent.health.currentTask),
  ])
  return {
    frame: frameOf(call, deps),
    agent,
    screen,
    talk: saidOf(talk, new Map()),
    markdown,
    current,
    alerts: deps.alerts.open().filter(({ subject }) => subject === `agent/${agent.name}`),
    suspension: deps.engine.suspensions().find(each => each.kind === 'agent' && each.key === agent.name),
    command: deps.place.command,
    now: deps.clock.now(),
  }
}

async function watchAgent(call: Call, deps: PortalDeps): Promise<Response> {
  const agent = await agentOf(call, deps)
  if (agent === undefined) return gone(call, deps)
  const { name } = agent
  let changed = () => {}
  const talk = watchThread(deps.agents, { agent: name }, mostShown, () => changed())
  const source: LiveSource = {
    async regions() {
      const view = await agentPageView(call, deps, talk.read)
      return view === undefined ? [] : agentRegions(view)
    },
    subscribe(listener) {
      changed = listener
      const stopBoth = subscribeToHealth(deps, listener)
      const timer = setInterval(listener, screenEvery)
      return () => {
        clearInterval(timer)
        stopBoth()
        talk.stop()
      }
    },
  }
  return liveStream(call, source, deps)
}

async function say(call: Call, deps: PortalDeps): Promise<Response> {
  const agent = await agentOf(call, deps)
  if (agent === undefined) return gone(call, deps)
  const { name } = agent
  const text = (await readForm(call.request)).get('text')
  if (text === '' || text.length > 50_000) {
    throw new ApplianceError('invalid', 'a message has 1 to 50,000 characters', { hint: 'write something shorter' })
  }
  await deps.agents.say(name, text, personOf(call))
  return fromHtmx(call) ? fragment(<SayForm name={name} focus />) : seeOther(`${urls.agent.to(name)}#say`)
}

async function restart(call: Call, deps: PortalDeps): Promise<Response> {
  const agent = await agentOf(call, deps)
  if (agent === undefined) return gone(call, deps)
  const { name } = agent
  await deps.agents.restart(name, personOf(call))
  return seeOther(withNotice(urls.agent.to(name), 'restarting'))
}

/** Goes back to where the alert is about. */
async function see(call: Call, deps: PortalDeps): Promise<Response> {
  const id = call.params.id ?? ''
  const subject = deps.alerts.open().find(alert => alert.id === id)?.subject ?? ''
  if (subject !== '') await deps.alerts.see(id, nameOf(call.identity))
  const agent = /^agent\/(.+)$/.exec(subject)?.[1]
  return seeOther(agent === undefined ? urls.overview.to() : urls.agent.to(agent))
}

/** What is seen of an agent's health changes with more than its window. */
function subscribeToHealth(deps: PortalDeps, changed: () => void): () => void {
  const stops = [subscribeToFrame(deps, changed), deps.health.subscribe(changed), deps.alerts.subscribe(changed)]
  return () => {
    for (const stop of stops) stop()
  }
}

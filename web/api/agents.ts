import { z } from 'zod'
import type { Agents } from '../../runtime/bus/agents.ts'
import type { Alerts } from '../../runtime/health/alerts.ts'
import type { Health } from '../../runtime/health/health.ts'
import { nameOf } from '../door/door.ts'
import { type DocumentedRoute, isId, limitOf, notFound, people, reads, writes } from './define.ts'
import { alert, health } from './shapes/agents.ts'
import { list } from './shapes/engine.ts'

export interface AgentsApiDeps {
  readonly agents: Agents
  readonly health: Health
  readonly alerts: Alerts
}

const tag = 'agents'

/** How the agents are, and what a person has to know of them. */
export const agentsRoutes = (deps: AgentsApiDeps): readonly DocumentedRoute[] => [
  reads({
    ...{ path: '/api/agents', policy: people, tag, answer: list(health) },
    summary: 'How every agent is',
    handle: () => deps.health.all(),
  }),
  reads({
    ...{ path: '/api/agents/:name', policy: people, tag, answer: health },
    summary: 'How one agent is',
    handle: ({ param }) => deps.health.one(param('name')) ?? noAgent(param('name')),
  }),
  writes({
    ...{ path: '/api/agents/:name/restart', policy: people, audit: 'agent.restarted', tag },
    answer: z.object({ restarting: z.string() }),
    summary: 'A new process for the agent, after what it is doing',
    async handle({ param, call }) {
      await deps.agents.restart(param('name'), nameOf(call.identity))
      return { restarting: param('name') }
    },
  }),
  reads({
    ...{ path: '/api/alerts', policy: people, tag, answer: list(alert) },
    query: z.object({
      all: z.enum(['true', 'false']).default('false').describe('Also those that are over'),
      limit: limitOf(100, 500),
    }),
    summary: 'What a person has to know, newest first',
    handle: ({ query }) => (query.all === 'true' ? deps.alerts.recent(query.limit) : deps.alerts.open().slice(0, query.limit)),
  }),
  writes({
    ...{ path: '/api/alerts/:id/seen', policy: people, audit: 'alert.seen', tag, answer: z.object({ seen: z.string() }) },
    summary: 'I have seen it; it stays until its cause is gone',
    async handle({ param, call }) {
      const id = param('id')
      if (isId(id) && (await deps.alerts.see(id, nameOf(call.identity)))) return { seen: id }
      return notFound('there is no such alert, or somebody has seen it already', 'GET /api/alerts lists them')
    },
  }),
]

const noAgent = (name: string) => notFound(`there is no agent ${JSON.stringify(name)}`, 'GET /api/agents lists them')

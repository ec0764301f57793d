import { describe, expect, test } from 'bun:test'
import { createRoutes } from '../composition/routes.ts'
import { createAgents } from '../runtime/bus/create-agents.ts'
import { createAlerts } from '../runtime/health/alerts.ts'
import { healthRig } from '../runtime/health/testing/rig.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { homeAt } from '../runtime/os/home.ts'
import { silentLog } from '../runtime/os/log.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { createApprovals } from '../runtime/policy/approvals/approvals.ts'
import { createProjects } from '../runtime/projects/projects.ts'
import { openStore } from '../runtime/store/store.ts'
import { createTasks } from '../runtime/tasks/create-tasks.ts'
import { type AuditEntry, createDoor } from '../web/door/door.ts'
import type { Identity, Role, Route } from '../web/door/route.ts'
import { ada, house } from '../web/portal/testing/house.ts'

const nowhere = homeAt('/nonexistent')

const store = openStore({ socketFolder: nowhere.postgresSockets, database: 'none' })
const agents = createAgents({
  ...{ home: nowhere, store, redis: { socket: nowhere.redisSocket }, spawn, clock: systemClock, log: silentLog },
  claude: { apiKey: undefined, baseUrl: undefined },
})
const unreached = () => Promise.reject(new Error('no handler runs here'))

const { health } = healthRig()

/** The routes as the composition makes them; nothing that they stand on is ever started. */
const routes = createRoutes({
  ...house().deps,
  approvals: createApprovals({ store, clock: systemClock, audit: { record: unreached }, simple: unreached }),
  actions: { decide: unreached, confirm: unreached },
  audit: { search: unreached, record: unreached, subscribe: () => () => {} },
  ...{ health, alerts: createAlerts(store, systemClock) },
  ...{ letters: agents, peers: agents.peers },
  ...{ agents, spawn, home: nowhere, now: systemClock.now, redact: text => text, hide: text => text },
  tasks: createTasks({
    ...{ store, clock: systemClock, log: silentLog, random: Math.random, agents: agents.names, policyOf: agents.policyOf },
  }),
  projects: createProjects({ home: nowhere, spawn }),
  command: 'ai-infra',
  inherit: async () => {},
  services: () => [],
  backups: {
    list: unreached,
    snapshots: unreached,
    ask: unreached,
    run: unreached,
    publicKey: unreached,
    subscribe: () => () => {},
  },
  passwords: new Map(),
  secret: unreached,
  shareSecret: unreached,
  hooks: { secret: unreached, isNew: unreached, branch: () => undefined, repository: () => undefined, wake: () => {} },
})

const identities: Record<Role, Identity> = {
  anonymous: { kind: 'anonymous' },
  operator: { kind: 'operator', name: 'operator' },
  person: ada,
  agent: { kind: 'agent', name: 'code' },
}
const roles: readonly Role[] = ['anonymous', 'operator', 'person', 'agent']

const nameOf = ({ method, path }: Route) => `${method} ${path}`
const open = (role: Role) => routes.filter(({ policy }) => policy.includes(role))

/** The door with every route, whose handlers only say that they were reached. */
function doorWithBells() {
  const reached: string[] = []
  const audited: AuditEntry[] = []
  const door = createDoor({
    routes: routes.map(route => ({
      ...route,
      handle: () => {
        reached.push(nameOf(route))
        return new Response('reached')
      },
    })),
    clock: systemClock,
    log: silentLog,
    audit: async entry => void audited.push(entry),
    renderError: (status, message) => new Response(message, { status }),
  })
  const enter = (route: Route, identity: Identity) =>
    door.enter(new Request(`http://localhost${route.path.replace(/:\w+|\*/g, 'x')}`, { method: route.method }), {
      identity,
      address: '127.0.0.1',
      keepOpen: () => {},
    })
  return { reached, audited, enter }
}

describe('the door lets nobody to a route but the roles of its policy', () => {
  for (const route of routes) {
    test(nameOf(route), async () => {
      const { reached, audited, enter } = doorWithBells()
      for (const role of roles.filter(role => !route.policy.includes(role))) {
        const { status } = await enter(route, identities[role])
        expect({ role, status }).toEqual({ role, status: role === 'anonymous' ? 401 : 403 })
      }
      expect(reached).toEqual([])
      const refusals = route.audit === false ? 0 : roles.length - route.policy.length
      expect(audited.filter(({ outcome, event }) => outcome === 'refused' && event === route.audit)).toHaveLength(refusals)
      for (const role of route.policy) expect((await enter(route, identities[role])).status).toBe(200)
      expect(reached).toEqual(route.policy.map(() => nameOf(route)))
    })
  }
})

test('every route has a policy, a rate limit, and an audit name when it writes', () => {
  for (const route of routes) {
    expect(route.policy.length, nameOf(route)).toBeGreaterThan(0)
    expect(route.rateLimit.requests, nameOf(route)).toBeGreaterThan(0)
    expect(route.rateLimit.seconds, nameOf(route)).toBeGreaterThan(0)
    // Both works of an agent, its conversation and its task, tell the pieces of their answers every 10 ms; nothing else is so often.
    const most = nameOf(route) === 'POST /agent/work/:id/events' ? 200 : 50
    if (route.method !== 'GET')
      expect(route.rateLimit.requests / route.rateLimit.seconds, nameOf(route)).toBeLessThanOrEqual(most)
  }
  const silent = routes.filter(({ method, audit }) => method !== 'GET' && audit === false).map(nameOf)
  expect(silent.sort()).toEqual([
    // Decisions on what agents do: the ledger writes each into the audit itself, with what was asked.
    'POST /agent/actions',
    'POST /agent/actions/:id/confirm',
    // What an agent's process says several times in a minute: that it lives, and the pieces of an answer.
    'POST /agent/heartbeat',
    'POST /agent/work/:id/events',
    'POST /agent/work/:id/finish',
    'POST /agent/work/:id/start',
    // Plans of a form or a command; only the commit that may follow changes something.
    'POST /api/domains/plan',
    'POST /api/domains/remove/plan',
    'POST /domains/:host/remove',
    'POST /domains/review',
    // A cookie of the browser that asks for it.
    'POST /theme',
  ])
})

test('who is not signed in reaches the ways to sign in and the files of their pages, and nothing else', () => {
  expect(open('anonymous').map(nameOf).sort()).toEqual([
    'GET /assets/:name',
    'GET /favicon.ico',
    'GET /first-admin',
    'GET /sign-in',
    'POST /first-admin',
    // Signed over its body with a secret that both sides know.
    'POST /hooks/upstream',
    'POST /sign-in',
    'POST /sign-out',
    'POST /theme',
  ])
})

test('an agent knows no verb that approves, suspends, rolls back, pushes or governs, and writes only what it says itself', () => {
  const mayCall = open('agent').map(nameOf)
  expect(
    mayCall.filter(name => /approve|suspen|resume|rollback|git|polic|held|hold|restart|domain|change|sign/i.test(name)),
  ).toEqual([])
  expect(mayCall.filter(name => !name.startsWith('GET ')).every(name => name.startsWith('POST /agent/'))).toBe(true)
})

test('no route asks an agent who it is: its socket says it', () => {
  const named = routes.filter(({ path }) => path.startsWith('/agent/') && /:(?!id\b|verb\b)/.test(path))
  expect(named.map(nameOf)).toEqual([])
  for (const route of routes.filter(({ path }) => path.startsWith('/agent/'))) expect(route.policy).toEqual(['agent'])
})

test('pushes are judged and followed for the operator alone, who has no business in the pages of the portal', () => {
  for (const route of routes.filter(({ path }) => path.startsWith('/git/'))) expect(route.policy).toEqual(['operator'])
  expect(open('operator').every(({ path }) => path.startsWith('/api/') || path.startsWith('/git/'))).toBe(true)
})

import { expect, test } from 'bun:test'
import type { AuditEvent } from '../../runtime/audit/event.ts'
import type { AgentsRoom } from '../../runtime/bus/create-agents.ts'
import type { Identity, Route } from '../door/route.ts'
import { createAgentSocketRoutes } from './routes.ts'

const told: unknown[] = []
const agents: Pick<AgentsRoom, 'work' | 'say' | 'heard' | 'briefing' | 'conversation'> = {
  work: {
    start: async () => ({ outcome: 'settled' }),
    events: async (...words) => {
      told.push(words)
      return { outcome: 'recorded' }
    },
    finish: async () => ({ outcome: 'recorded' }),
  },
  say: async (agent, text, by) => ({ id: '1', agent, thread: 't', role: 'person', by, text, state: 'queued', at: '' }),
  heard: async () => ({ version: 'v' }),
  briefing: async () => undefined,
  conversation: async () => [],
}
const audited: AuditEvent[] = []
const routes = createAgentSocketRoutes({ agents, audit: { record: async event => void audited.push(event) }, hide: text => text })

const call = async (method: string, path: string, body?: unknown, identity: Identity = { kind: 'agent', name: 'code' }) => {
  const route = routes.find(found => found.method === method && found.path === path) as Route
  const request = new Request('http://agent/', { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const params = { id: '0b0e7a5e-9d0a-4a39-9f6e-3b1f1c2d4e5f' }
  return route.handle({ request, url: new URL(request.url), params, identity, keepOpen: () => {} })
}

test('every route is for agents alone', async () => {
  expect(routes.map(route => route.policy)).toEqual(routes.map(() => ['agent']))
  const answer = await call('GET', '/agent/briefing', undefined, { kind: 'operator', name: 'root' })
  expect(answer.status).toBe(403)
})

test('who speaks is the socket, whatever the request says', async () => {
  const answer = await call('POST', '/agent/utterances', { text: 'hi', agent: 'data', by: 'root' })
  expect(await answer.json()).toMatchObject({ agent: 'code', by: 'operator', text: 'hi' })
  await call('POST', '/agent/work/:id/events', { attempt: 1, from: 0, events: [{ type: 'retracted' }], agent: 'data' })
  expect(told).toEqual([
    ['code', '0b0e7a5e-9d0a-4a39-9f6e-3b1f1c2d4e5f', { attempt: 1, from: 0, events: [{ type: 'retracted' }] }],
  ])
})

test('wrong input is refused with what is expected', async () => {
  await expect(call('POST', '/agent/utterances', { text: 5 })).rejects.toThrow('body.text must be a text')
  await expect(call('POST', '/agent/heartbeat', { pid: 1.5 })).rejects.toThrow('heartbeat.pid must be a whole number')
  const report = (event: object) => call('POST', '/agent/work/:id/events', { attempt: 1, from: 0, events: [event] })
  await expect(report({ type: 'shout' })).rejects.toThrow('report.events[0].type must be one of text, retracted,')
  await expect(report({ type: 'text', text: 'x'.repeat(100_001) })).rejects.toThrow('100000 are allowed')
  await expect(report({ type: 'entry', entry: { role: 'system', content: [] } })).rejects.toThrow('one of user, assistant')
  await expect(call('POST', '/agent/work/:id/finish', { attempt: 1, outcome: 'fine', text: '' })).rejects.toThrow(
    'one of done, failed',
  )
})

test('an agent that is not declared has no briefing', async () => {
  expect((await call('GET', '/agent/briefing')).status).toBe(404)
})

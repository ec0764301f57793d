import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { presets } from '../../desired-state/documents/presets.ts'
import { createAlerts } from '../../runtime/health/alerts.ts'
import { healthRig } from '../../runtime/health/testing/rig.ts'
import { systemClock } from '../../runtime/os/clock.ts'
import { silentLog } from '../../runtime/os/log.ts'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { createTasks, type TasksRoom } from '../../runtime/tasks/create-tasks.ts'
import { json } from '../door/answer.ts'
import { createDoor, type Door } from '../door/door.ts'
import { ada, house } from '../portal/testing/house.ts'
import { describedRoutes } from './described.ts'
import { openApi } from './openapi.ts'
import { createApiRoutes } from './routes.ts'
import { task, thread, utterance } from './shapes/agents.ts'

const { deps, agents, engine, upstream } = house()
const rig = healthRig(['supervisor', 'code'])
let ground: TestStore
let tasks: TasksRoom
let alerts: ReturnType<typeof createAlerts>
let door: Door

beforeAll(async () => {
  ground = await startTestStore()
  tasks = createTasks({
    ...{ store: ground.store, clock: systemClock, log: silentLog, random: Math.random },
    ...{ agents: () => ['supervisor', 'code', 'qa'], policyOf: () => presets[1] },
  })
  alerts = createAlerts(ground.store, systemClock)
  await rig.health.start()
  const routes = createApiRoutes({
    ...deps,
    ...{ tasks, alerts, health: rig.health, services: () => [] },
    letters: { deadLetters: async () => [], replay: async () => {} },
    shareSecret: async () => {},
    approvals: { ...deps.approvals, rule: async () => undefined },
  })
  door = createDoor({
    routes,
    clock: systemClock,
    log: silentLog,
    audit: async () => {},
    renderError: (status, message) => json({ message }, status),
  })
})
afterAll(async () => {
  await tasks.stop()
  await ground[Symbol.asyncDispose]()
})

async function call(method: 'GET' | 'POST', path: string, body?: unknown) {
  const init = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await door.enter(new Request(`http://localhost${path}`, { method, ...init }), {
    ...{ identity: ada, address: '127.0.0.1', keepOpen: () => {} },
  })
  const type = response.headers.get('content-type') ?? ''
  return { status: response.status, body: type.includes('json') ? await response.json() : await response.text() }
}

/** The answer, which must be what the description of the route says. */
async function told(method: 'GET' | 'POST', path: string, pattern: string, body?: unknown) {
  const answer = await call(method, path, body)
  expect(answer).toMatchObject({ status: 200 })
  const route = describedRoutes(door.routes).find(each => each.method === method && each.path === pattern)
  expect(route?.documentation.answer.safeParse(answer.body)).toMatchObject({ success: true })
  return answer.body
}

describe('tasks', () => {
  const bakery = {
    tasks: [
      { name: 'build', description: 'a landing page', agent: 'code' },
      { name: 'check', description: 'look for faults', agent: 'qa', dependsOn: ['build'], priority: 8 },
    ],
  }

  test('are submitted as a graph, read, cancelled with what depends on them, and begun anew', async () => {
    const [build, check] = z.tuple([task, task]).parse(await told('POST', '/api/tasks', '/api/tasks', bakery))
    expect(build).toMatchObject({ by: 'person:ada@example.com', state: 'ready' })
    expect(check).toMatchObject({ state: 'blocked', priority: 8, dependsOn: [build.id] })
    expect(await told('GET', `/api/graphs/${build.graph}`, '/api/graphs/:id')).toHaveLength(2)
    expect(await told('GET', '/api/tasks?state=ready,assigned&agent=code', '/api/tasks')).toMatchObject([{ id: build.id }])
    expect(await told('POST', `/api/tasks/${build.id}/cancel`, '/api/tasks/:id/cancel')).toMatchObject({ state: 'cancelled' })
    expect(await told('GET', `/api/tasks/${check.id}`, '/api/tasks/:id')).toMatchObject({ state: 'cancelled' })
    expect(await call('POST', `/api/tasks/${build.id}/cancel`)).toMatchObject({
      status: 422,
      body: { message: 'the task is cancelled already' },
    })
    expect(await told('POST', `/api/tasks/${build.id}/retry`, '/api/tasks/:id/retry')).toMatchObject({ state: 'ready' })
  })

  test('that are not there, and addresses and bodies that hold nonsense, are told apart', async () => {
    expect(await call('GET', '/api/graphs/nope')).toMatchObject({ status: 404 })
    expect(await call('GET', '/api/tasks?agent=%00')).toMatchObject({
      status: 422,
      body: { message: 'The address has a NUL character (%00), which nothing here can hold.' },
    })
    expect(await call('POST', '/api/tasks')).toMatchObject({
      status: 422,
      body: { message: 'the body is no JSON: send an object, {} where there is nothing to say' },
    })
  })

  test('that make no sense are refused, all mistakes at once', async () => {
    const wrong = { tasks: [{ name: '', description: 'x', agent: 'code', priority: 11, color: 'red' }] }
    const { status, body } = await call('POST', '/api/tasks', wrong)
    expect(status).toBe(422)
    for (const word of ['tasks[0].name', 'tasks[0].priority', 'color']) expect(JSON.stringify(body)).toContain(word)
    expect(await call('POST', '/api/tasks', { tasks: [{ name: 'a', description: 'b', agent: 'nobody' }] })).toMatchObject({
      status: 422,
      body: { message: expect.stringContaining('nobody') },
    })
    expect(await call('GET', '/api/tasks?state=sleeping')).toMatchObject({ status: 422 })
  })

  test('that are not there are 404, whatever their id looks like', async () => {
    for (const id of ['x', '..%2F..', "1'--", crypto.randomUUID()]) {
      expect(await call('GET', `/api/tasks/${id}`)).toMatchObject({ status: 404 })
      expect(await call('POST', `/api/tasks/${id}/cancel`)).toMatchObject({ status: 404 })
    }
  })
})

describe('agents', () => {
  test('tell how they are', async () => {
    rig.beat('code', { doing: 'building a page' })
    expect(await told('GET', '/api/agents', '/api/agents')).toMatchObject([
      { agent: 'supervisor', status: 'offline' },
      { agent: 'code', status: 'healthy', doing: 'building a page' },
    ])
    expect(await told('GET', '/api/agents/code', '/api/agents/:name')).toMatchObject({ agent: 'code' })
    expect(await call('GET', '/api/agents/nobody')).toMatchObject({ status: 404 })
  })

  test('are restarted by whoever asks', async () => {
    await told('POST', '/api/agents/code/restart', '/api/agents/:name/restart')
    expect(agents.asked.at(-1)).toContain('restart code')
  })

  test('an alert is seen once, and stays until its cause is gone', async () => {
    const { id } = await alerts.raise({ severity: 'critical', kind: 'agent-down', subject: 'agent/qa', message: 'qa is down' })
    expect(await told('GET', '/api/alerts', '/api/alerts')).toMatchObject([{ id, message: 'qa is down' }])
    await told('POST', `/api/alerts/${id}/seen`, '/api/alerts/:id/seen')
    expect(await call('POST', `/api/alerts/${id}/seen`)).toMatchObject({ status: 404 })
    expect(await told('GET', '/api/alerts', '/api/alerts')).toMatchObject([{ id, seenBy: 'person ada@example.com' }])
    await alerts.resolve('agent-down', 'agent/qa')
    expect(await told('GET', '/api/alerts', '/api/alerts')).toEqual([])
    expect(await told('GET', '/api/alerts?all=true', '/api/alerts')).toHaveLength(1)
  })
})

describe('conversations', () => {
  test('are begun, spoken in, and read', async () => {
    const begun = await told('POST', '/api/chat/threads', '/api/chat/threads', { title: 'a bakery' })
    const { id, agent, title } = thread.parse(begun)
    expect({ agent, title }).toEqual({ agent: 'supervisor', title: 'a bakery' })
    const address = `/api/chat/threads/${id}/messages`
    const said = utterance.parse(await told('POST', address, '/api/chat/threads/:id/messages', { text: 'build a page' }))
    expect(said).toMatchObject({ by: 'Ada Lovelace', text: 'build a page', thread: id })
    expect(await told('GET', address, '/api/chat/threads/:id/messages')).toMatchObject([said])
    expect(await told('GET', '/api/chat/threads', '/api/chat/threads')).toMatchObject([{ id }])
    expect(await told('GET', `/api/chat/threads/${id}/steps`, '/api/chat/threads/:id/steps')).toEqual([])
  })

  test('are named, put away, found, and deleted', async () => {
    const { id } = thread.parse(await told('POST', '/api/chat/threads', '/api/chat/threads', { title: 'rye' }))
    const address = `/api/chat/threads/${id}`
    const changed = await told('POST', address, '/api/chat/threads/:id', { title: 'wholemeal', archived: true })
    expect(changed).toMatchObject({ id, title: 'wholemeal', archived: true })
    expect(await call('POST', address, { title: '' })).toMatchObject({ status: 422 })
    const [found] = z.array(z.object({ thread })).parse(await told('GET', '/api/chat/search?words=WHOLE', '/api/chat/search'))
    expect(found?.thread.id).toBe(id)
    expect(await call('GET', '/api/chat/search?words=')).toMatchObject({ status: 422 })
    await told('POST', `${address}/delete`, '/api/chat/threads/:id/delete')
    for (const path of ['', '/delete', '/ratings']) {
      expect(await call('POST', `${address}${path}`, { message: 'x', rating: 3 })).not.toMatchObject({ status: 200 })
    }
    expect(await call('GET', address)).toMatchObject({ status: 404 })
  })

  test('are kept while somebody works for them', async () => {
    const { id } = thread.parse(await told('POST', '/api/chat/threads', '/api/chat/threads', { title: 'busy' }))
    await call('POST', '/api/tasks', { thread: id, tasks: [{ name: 'bake', agent: 'code', description: 'Bake.' }] })
    expect(await call('POST', `/api/chat/threads/${id}/delete`)).toMatchObject({
      status: 422,
      body: { message: expect.stringContaining('somebody still works') },
    })
  })

  test('take ratings of answers and nothing else, and a second one takes the place of the first', async () => {
    const { id } = thread.parse(await told('POST', '/api/chat/threads', '/api/chat/threads', { title: 'rated' }))
    const said = { agent: 'supervisor', thread: id, by: 'supervisor', text: 'bread', state: 'done', at: '' } as const
    agents.utter({ ...said, id: 'question', role: 'person' })
    agents.utter({ ...said, id: 'answer', role: 'agent' })
    const address = `/api/chat/threads/${id}/ratings`
    const rate = (message: string, rating: number) => call('POST', address, { message, rating })
    expect(await rate('question', 7)).toMatchObject({ status: 404 })
    for (const rating of [0, 11, 7.5]) expect(await rate('answer', rating)).toMatchObject({ status: 422 })
    await rate('answer', 7)
    await rate('answer', 9)
    expect(await told('GET', address, '/api/chat/threads/:id/ratings')).toEqual({ answer: 9 })
  })

  test('take files with a message, by their content', async () => {
    const { id } = thread.parse(await told('POST', '/api/chat/threads', '/api/chat/threads', { title: 'files' }))
    const send = (name: string, content: string) =>
      call('POST', `/api/chat/threads/${id}/messages`, {
        text: 'look',
        files: [{ name, base64: Buffer.from(content).toString('base64') }],
      })
    expect(await send('prices.csv', 'rye,3')).toMatchObject({ status: 200, body: { attachments: [{ type: 'document' }] } })
    expect(await send('cat.png', '\u0000\u0001')).toMatchObject({
      status: 422,
      body: { message: expect.stringContaining('cat.png: only text, PNG') },
    })
    expect(
      await call('POST', `/api/chat/threads/${id}/messages`, { text: 'x', files: [{ name: 'a', base64: '?' }] }),
    ).toMatchObject({ status: 422 })
  })

  test('that are not there are 404; an empty or endless message is refused', async () => {
    expect(await call('GET', `/api/chat/threads/${crypto.randomUUID()}`)).toMatchObject({ status: 404 })
    const { id } = thread.parse(await told('POST', '/api/chat/threads', '/api/chat/threads', {}))
    for (const text of ['', 'a'.repeat(100_001)]) {
      expect(await call('POST', `/api/chat/threads/${id}/messages`, { text })).toMatchObject({ status: 422 })
    }
  })
})

const document = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.record(z.string(), z.record(z.string(), z.unknown())),
})

describe('the description', () => {
  test('names every route of the API, and all that it points to is there', async () => {
    const body = document.parse((await call('GET', '/api/openapi.json')).body)
    const described = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
    )
    const routes = door.routes.filter(({ path }) => path.startsWith('/api/') && !['/api/ws', '/api/openapi.json'].includes(path))
    expect(described.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`).sort())
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)]
    expect(references.length).toBeGreaterThan(20)
    for (const [, kind, name] of references) expect(body.components, `${kind}/${name}`).toHaveProperty([kind ?? '', name ?? ''])
    expect(JSON.stringify(body)).not.toContain('$defs')
  })

  test('says of tasks what a client needs', () => {
    const made = openApi(describedRoutes(door.routes), { version: '1', server: 'http://localhost' })
    expect(made).toMatchObject({
      openapi: '3.1.0',
      paths: {
        '/api/tasks': {
          post: { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Submission' } } } } },
          get: { parameters: expect.arrayContaining([expect.objectContaining({ name: 'agent', in: 'query', required: false })]) },
        },
      },
    })
  })

  test('is a page too, which shows every call', async () => {
    const { body } = await call('GET', '/api')
    expect(body).toContain('<h1>API</h1>')
    expect(body).toContain('POST /api/tasks/:id/cancel')
    expect(body).not.toContain('<script src="http')
  })
})

test('how the server stands is told as its description says', async () => {
  engine.put({ kind: 'site', key: 'a.example.com', state: 'ready', reason: '', message: '', revision: 'r', since: '' })
  expect(await told('GET', '/api/status', '/api/status')).toMatchObject({ resources: [{ key: 'a.example.com' }] })
  for (const path of ['/api/services', '/api/holds', '/api/suspensions', '/api/history', '/api/audit', '/api/approvals']) {
    await told('GET', path, path)
  }
})

test('no secret goes where a person of the portal says: another upstream is adopted by the operator alone', async () => {
  const from = { url: 'https://eve.example.com/config.git', token: 'secret:CLOUDFLARE_TOKEN' }
  const answer = await call('POST', '/api/upstream/adopt', { from })
  expect(answer).toMatchObject({ status: 422, body: { message: expect.stringContaining('on the server only') } })
  expect(upstream.asked).toEqual([])
})

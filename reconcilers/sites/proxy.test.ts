import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Server } from 'bun'
import type { ProxyDomain } from '../../desired-state/state.ts'
import { freePorts } from '../../runtime/os/testing/free-ports.ts'
import { createRig, domains, proxySite, type Rig } from './testing/rig.ts'

let rig: Rig
let app: Server<undefined>
let names = new Map<string, readonly string[]>()

beforeAll(async () => {
  app = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, server) {
      const { pathname } = new URL(request.url)
      if (pathname === '/socket' && server.upgrade(request)) return undefined
      if (pathname === '/events') return new Response(events(), { headers: { 'content-type': 'text/event-stream' } })
      if (pathname === '/slow') await Bun.sleep(3_000)
      if (pathname === '/frame') return new Response('', { headers: { 'x-frame-options': 'DENY' } })
      if (request.method === 'POST') return new Response(String((await request.arrayBuffer()).byteLength))
      return Response.json({ path: pathname, headers: Object.fromEntries(request.headers) })
    },
    websocket: { message: (socket, text) => void socket.send(`echo ${text}`) },
  })
  rig = await createRig({ resolve: async host => names.get(host) ?? [] })
  await rig.startNginx()
})
afterAll(async () => {
  await rig.close()
  await app.stop(true)
})

/** One event at once, the next one never. */
const events = () => new ReadableStream({ start: controller => controller.enqueue(new TextEncoder().encode('data: first\n\n')) })

const site = (more: Partial<ProxyDomain> = {}) => proxySite('app.example.com', app.port ?? 0, more)
const at = (host: string, port = app.port ?? 0, path = '') => ({ protocol: 'http' as const, host, port, path })

async function seen(path: string, headers: Readonly<Record<string, string>> = {}) {
  const answer: unknown = await (await rig.get('app.example.com', path, { headers })).json()
  return answer as { path: string; headers: Record<string, string> }
}

test('the application sees the visitor as nginx does, whatever the visitor claims', async () => {
  const { outcomes, second } = await rig.converge(domains(site()))
  expect(outcomes).toEqual([{ key: 'app.example.com' }])
  expect(second).toEqual({ changes: [], obstacles: [], notes: new Map() })
  const forged = {
    'x-forwarded-for': '6.6.6.6',
    'x-real-ip': '6.6.6.6',
    'x-forwarded-proto': 'https',
    forwarded: 'for=6.6.6.6',
    proxy: 'evil',
  }
  const { headers, path } = await seen('/a%2Fb/c', forged)
  expect(path).toBe('/a%2Fb/c')
  const port = String(rig.dependencies.ports.http)
  expect(headers).toMatchObject({
    host: `app.example.com:${port}`,
    'x-forwarded-for': '127.0.0.1',
    'x-real-ip': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': `app.example.com:${port}`,
    'x-forwarded-port': port,
  })
  expect(headers).not.toHaveProperty('proxy')
  expect(headers).not.toHaveProperty('forwarded')
})

test('an application keeps the headers that it sets itself, and gets those that it lacks', async () => {
  expect((await rig.get('app.example.com', '/frame')).headers.get('x-frame-options')).toBe('DENY')
  expect((await rig.get('app.example.com', '/')).headers.get('x-frame-options')).toBe('SAMEORIGIN')
})

test('events arrive while the answer goes on', async () => {
  const response = await rig.get('app.example.com', '/events')
  const reader = response.body?.getReader()
  const first = await reader?.read()
  expect(new TextDecoder().decode(first?.value)).toBe('data: first\n\n')
  await reader?.cancel()
})

test('a WebSocket is passed on when it is declared, and only then', async () => {
  const talk = () =>
    new Promise<string>(resolve => {
      const socket = new WebSocket(`ws://127.0.0.1:${rig.dependencies.ports.http}/socket`, {
        headers: { host: 'app.example.com' },
      })
      socket.onopen = () => socket.send('hello')
      socket.onmessage = event => {
        resolve(String(event.data))
        socket.close()
      }
      socket.onerror = () => resolve('refused')
    })
  expect(await talk()).toBe('refused')
  const { first } = await rig.converge(domains(site({ websocket: true })))
  expect(first.changes[0]?.fields).toEqual([{ name: 'websocket', before: 'no', after: 'yes' }])
  expect(await talk()).toBe('echo hello')
})

test('a silent application is given up after its time, and a body larger than allowed is refused', async () => {
  await rig.converge(domains(site({ timeoutSeconds: 1, bodyMebibytes: 1 })))
  expect((await rig.get('app.example.com', '/slow')).status).toBe(504)
  const post = (size: number) => rig.get('app.example.com', '/', { method: 'POST', body: new Uint8Array(size) })
  expect(await (await post(1024 * 1024)).text()).toBe(String(1024 * 1024))
  expect((await post(1024 * 1024 + 1)).status).toBe(413)
})

test('a path of the upstream goes in front of the path that was asked for', async () => {
  await rig.converge(domains(site({ upstream: at('127.0.0.1', app.port, '/base/') })))
  expect((await seen('/x')).path).toBe('/base/x')
})

test('an upstream that accepts nothing is published, and the site says what it waits for', async () => {
  const [closed = 0] = freePorts(1)
  const { outcomes, second } = await rig.converge(domains(proxySite('app.example.com', closed)))
  expect(outcomes).toEqual([{ key: 'app.example.com' }])
  expect(second.changes).toEqual([])
  expect(second.obstacles).toEqual([
    {
      key: 'app.example.com',
      state: 'waiting',
      reason: 'upstream-down',
      message: `nothing accepts connections at 127.0.0.1:${closed}; visitors get "502 Bad Gateway" until it does`,
    },
  ])
  expect((await rig.get('app.example.com')).status).toBe(502)
})

test('a name is resolved by us, the next address is tried when one is dead, and rotating answers change nothing', async () => {
  names = new Map([['backend.internal', ['127.0.0.9', '127.0.0.1']]])
  const wanted = domains(site({ upstream: at('backend.internal') }))
  expect((await rig.converge(wanted)).outcomes).toEqual([{ key: 'app.example.com' }])
  expect((await seen('/')).path).toBe('/')
  names = new Map([['backend.internal', ['127.0.0.1']]])
  expect((await rig.look(wanted)).changes).toEqual([])
})

test('a name without an address keeps the site that was served, and says so', async () => {
  names = new Map()
  const { obstacles, changes } = await rig.look(domains(site({ upstream: at('backend.internal'), websocket: true })))
  expect(changes).toEqual([])
  expect(obstacles).toMatchObject([{ key: 'app.example.com', state: 'waiting', reason: 'upstream-unresolved' }])
  expect((await rig.get('app.example.com')).status).toBe(200)
})

test('a new site whose upstream has no address is not published', async () => {
  const { changes, obstacles } = await rig.look(
    domains(site(), proxySite('new.example.com', 80, { upstream: at('nowhere.invalid') })),
  )
  expect(changes.map(change => change.key)).toEqual(['app.example.com'])
  expect(obstacles.map(obstacle => obstacle.reason)).toEqual(['upstream-unresolved'])
})

test('a name that leads to cloud metadata, to the portal or to nginx itself is refused', async () => {
  const { portal, http } = rig.dependencies.ports
  names = new Map([
    ['one.invalid', ['10.0.0.1', '169.254.169.254']],
    ['two.invalid', ['::ffff:169.254.169.254']],
    ['three.invalid', ['127.0.0.1']],
    ['four.invalid', ['::1']],
  ])
  const ports: Readonly<Record<string, number>> = { 'three.invalid': portal, 'four.invalid': http }
  const all = [...names.keys()].map(host => proxySite(`on-${host}`, 80, { upstream: at(host, ports[host] ?? 80) }))
  const { changes, obstacles } = await rig.look(domains(...all, site({ upstream: at('127.0.0.1', app.port) })))
  expect(changes.map(change => change.key)).toEqual(['app.example.com'])
  expect(obstacles.map(({ key, state, reason }) => ({ key, state, reason }))).toEqual(
    ['on-four.invalid', 'on-one.invalid', 'on-three.invalid', 'on-two.invalid'].map(key => ({
      key,
      state: 'stalled',
      reason: 'upstream-refused',
    })),
  )
})

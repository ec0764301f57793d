import { expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { silentLog } from '../../runtime/os/log.ts'
import { json, streamLines, text } from './answer.ts'
import { type AuditEntry, createDoor } from './door.ts'
import { listenOnLoopback, listenOnSocket } from './listen.ts'
import type { Identity, Route } from './route.ts'

const route = (more: Partial<Route>): Route => ({
  method: 'GET',
  path: '/thing/:name',
  policy: ['person'],
  rateLimit: { requests: 3, seconds: 60 },
  audit: false,
  handle: ({ params }) => text(`hello ${params.name}`),
  ...more,
})

const person: Identity = { kind: 'person', id: '1', name: 'Ada', email: 'ada@example.com', sessionToken: 't' }

function open(routes: readonly Route[], audited: AuditEntry[] = []) {
  const door = createDoor({
    routes,
    clock: systemClock,
    log: silentLog,
    audit: async entry => void audited.push(entry),
    renderError: (status, message) => json({ message }, status),
  })
  return (path: string, identity: Identity, method = 'GET') =>
    door.enter(new Request(`http://appliance${path}`, { method }), { identity, address: '192.0.2.1', keepOpen: () => {} })
}

test('nobody but the roles of its policy reaches a route', async () => {
  const enter = open([route({})])
  expect((await enter('/thing/a', person)).status).toBe(200)
  expect((await enter('/thing/a', { kind: 'anonymous' })).status).toBe(401)
  expect((await enter('/thing/a', { kind: 'agent', name: 'code' })).status).toBe(403)
  expect((await enter('/nothing', person)).status).toBe(404)
})

test('an error that repeats a secret, or what moves a cursor, leaves without it', async () => {
  const door = createDoor({
    routes: [
      route({
        handle: () => {
          throw new ApplianceError('failed', 'the server said: hunter2hunter2 is wrong\u001b[2J')
        },
      }),
    ],
    ...{
      clock: systemClock,
      log: silentLog,
      audit: async () => {},
      redact: (said: string) => said.replaceAll('hunter2hunter2', '[secret]'),
    },
    renderError: (status, message) => json({ message }, status),
  })
  const response = await door.enter(new Request('http://appliance/thing/a'), {
    ...{ identity: person, address: '192.0.2.1', keepOpen: () => {} },
  })
  expect(await response.json()).toEqual({ message: 'the server said: [secret] is wrong\\u001b[2J' })
})

test('a caller who asks too often is told how long to wait', async () => {
  const enter = open([route({})])
  for (const _ of [1, 2, 3]) expect((await enter('/thing/a', person)).status).toBe(200)
  const refused = await enter('/thing/a', person)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
})

test('what has an effect is audited, allowed or refused, with who did it', async () => {
  const audited: AuditEntry[] = []
  const enter = open([route({ method: 'POST', audit: 'thing.done' })], audited)
  await enter('/thing/a', person, 'POST')
  await enter('/thing/a', { kind: 'agent', name: 'code' }, 'POST')
  const of = { event: 'thing.done', subject: '/thing/a', address: '192.0.2.1' }
  expect(audited).toEqual([
    { ...of, who: 'person ada@example.com', outcome: 'asked' },
    { ...of, who: 'person ada@example.com', outcome: 'allowed' },
    { ...of, who: 'agent code', outcome: 'refused' },
  ])
})

test('what a handler tells of what it did stands in the audit of its outcome', async () => {
  const audited: AuditEntry[] = []
  const handle: Route['handle'] = ({ tells }) => {
    tells?.({ removed: ['a'] })
    return text('done')
  }
  await open([route({ method: 'POST', audit: 'thing.done', handle })], audited)('/thing/a', person, 'POST')
  expect(audited.map(({ outcome, details }) => [outcome, details])).toEqual([
    ['asked', undefined],
    ['allowed', { removed: ['a'] }],
  ])
})

test('an attempt to sign in is audited under the address that was typed, and nobody who is signed in becomes another', async () => {
  const audited: AuditEntry[] = []
  const signIn = route({
    method: 'POST',
    policy: ['anonymous', 'person'],
    audit: 'sign-in',
    handle: ({ claims }) => {
      claims?.('eve@example.com')
      return text('no', 401)
    },
  })
  const enter = open([signIn], audited)
  await enter('/thing/a', { kind: 'anonymous' }, 'POST')
  await enter('/thing/a', person, 'POST')
  expect(audited.map(({ who, outcome }) => `${who} ${outcome}`)).toEqual([
    ...['anonymous asked', 'person eve@example.com failed'],
    ...['person ada@example.com asked', 'person ada@example.com failed'],
  ])
})

test('what cannot be written down is not done, and what was done unwritten is not reported as done', async () => {
  const done: string[] = []
  const full = (room: number) => {
    const written: AuditEntry[] = []
    const door = createDoor({
      routes: [route({ method: 'POST', audit: 'thing.done', handle: () => text(`done ${done.push('thing')}`) })],
      clock: systemClock,
      log: silentLog,
      audit: async entry => {
        if (written.length >= room) throw new ApplianceError('waiting', 'the disk is full, so the audit cannot be written')
        written.push(entry)
      },
      renderError: (status, message) => json({ message }, status),
    })
    const entrance = { identity: person, address: '192.0.2.1', keepOpen: () => {} }
    return door.enter(new Request('http://appliance/thing/a', { method: 'POST' }), entrance)
  }
  const before = await full(0)
  expect([before.status, await before.text(), done.length]).toEqual([503, expect.stringContaining('the disk is full'), 0])
  const after = await full(1)
  expect([after.status, await after.text(), done.length]).toEqual([503, expect.stringContaining('look before you repeat it'), 1])
  expect([(await full(2)).status, done.length]).toEqual([200, 2])
})

test('an expected failure says its sentence, an unexpected one says nothing of the inside', async () => {
  const enter = open([
    route({ path: '/expected', handle: () => Promise.reject(new ApplianceError('invalid', 'no', { hint: 'say yes' })) }),
    route({ path: '/bug', handle: () => Promise.reject(new Error('password is hunter2')) }),
  ])
  const expected = await enter('/expected', person)
  expect([expected.status, await expected.json()]).toEqual([422, { message: 'no (say yes)' }])
  const bug = await enter('/bug', person)
  expect(bug.status).toBe(500)
  expect(await bug.text()).not.toContain('hunter2')
})

test('while the database is away every answer says so, to who is signed in as well', async () => {
  const away = () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
  const door = createDoor({
    routes: [route({ method: 'POST', audit: 'thing.done', handle: away })],
    clock: systemClock,
    log: silentLog,
    audit: async () => {},
    renderError: (status, message) => json({ message }, status),
  })
  const entrance = { identity: person, address: '192.0.2.1', keepOpen: () => {} }
  const audited = await door.enter(new Request('http://appliance/thing/a', { method: 'POST' }), entrance)
  const refuse = (status: number, message: string) => json({ message }, status)
  const portal = listenOnLoopback(door, { port: 0, identify: away, hosts: () => new Set<string>(), refuse })
  const signedIn = await fetch(`http://127.0.0.1:${portal.port}/thing/a`)
  await portal.stop()
  for (const answer of [audited, signedIn]) {
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('The database does not answer at the moment')
  }
})

test('two routes cannot claim one address', () => {
  expect(() => open([route({}), route({})])).toThrow('two routes claim GET /thing/:name')
})

test('a browser is let in by known names only, and writes from its own pages only', async () => {
  const door = createDoor({
    routes: [route({}), route({ method: 'POST' })],
    clock: systemClock,
    log: silentLog,
    audit: async () => {},
    renderError: (status, message) => json({ message }, status),
  })
  const listener = listenOnLoopback(door, {
    port: 0,
    identify: async () => person,
    hosts: () => new Set(['portal.example.com']),
    refuse: (status, message) => json({ message }, status),
  })
  try {
    const at = `http://127.0.0.1:${listener.port}/thing/a`
    const status = async (init: RequestInit) => (await fetch(at, init)).status
    expect(await status({})).toBe(200)
    expect(await status({ headers: { host: 'portal.example.com' } })).toBe(200)
    expect(await status({ headers: { host: 'rebound.example.net' } })).toBe(421)
    expect(await status({ method: 'POST' })).toBe(403)
    expect(await status({ method: 'POST', headers: { origin: 'https://evil.example' } })).toBe(403)
    expect(await status({ method: 'POST', headers: { origin: 'null' } })).toBe(403)
    expect(await status({ method: 'POST', headers: { origin: `http://127.0.0.1:${listener.port}` } })).toBe(200)
  } finally {
    await listener.stop()
  }
})

/** As it comes over the wire: fetch would not send a host like that. */
async function rawStatusAndBody(port: number, host: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let heard = ''
  await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: socket => void socket.write(`GET /thing/a HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      data: (_, chunk) => {
        heard += chunk.toString('latin1')
      },
      close: () => resolve(heard),
    },
  })
  return promise
}

test('neither a host that is no name nor an error of ours shows anything of the program', async () => {
  const door = createDoor({
    routes: [route({})],
    clock: systemClock,
    log: silentLog,
    audit: async () => {},
    renderError: (status, message) => json({ message }, status),
  })
  const listener = listenOnLoopback(door, {
    port: 0,
    identify: async () => {
      throw new Error('secret of the database')
    },
    hosts: () => new Set(),
    refuse: (status, message, request) => json({ message, at: new URL(request.url).href }, status),
  })
  try {
    for (const host of ['a b', '', 'x@localhost', '[::1', '127.0.0.1:99999', 'http://x']) {
      const answer = await rawStatusAndBody(listener.port, host)
      expect([host, answer.split('\r\n')[0]]).toEqual([host, 'HTTP/1.1 400 Bad Request'])
      expect(answer.length).toBeLessThan(500)
    }
    const failed = await fetch(`http://127.0.0.1:${listener.port}/thing/a`)
    expect([failed.status, await failed.text()]).toEqual([500, 'Something went wrong here; the log says more.\n'])
  } finally {
    await listener.stop()
  }
})

test('a socket left by a killed process is taken over, one that answers is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  const path = join(folder, 'api.sock')
  const door = createDoor({
    routes: [route({ policy: ['operator'] })],
    clock: systemClock,
    log: silentLog,
    audit: async () => {},
    renderError: (status, message) => json({ message }, status),
  })
  const operator = (): Identity => ({ kind: 'operator', name: 'root' })
  try {
    const killed = Bun.spawn(
      ['bun', '-e', `Bun.serve({ unix: ${JSON.stringify(path)}, fetch: () => new Response() }); console.log('up')`],
      {
        stdout: 'pipe',
        cwd: folder,
      },
    )
    await killed.stdout.getReader().read()
    await expect(listenOnSocket(door, path, operator)).rejects.toThrow('another appliance answers')
    killed.kill('SIGKILL')
    await killed.exited
    const listener = await listenOnSocket(door, path, operator)
    expect(await (await fetch('http://appliance/thing/b', { unix: path })).text()).toBe('hello b')
    await listener.stop()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('lines that are told one by one move no cursor, whatever is called by what name', async () => {
  const told = streamLines(async write => write('  stalled cloudflare-setting example.com/workers_routes/\u001b[2J: no'))
  expect(await told.text()).toBe('  stalled cloudflare-setting example.com/workers_routes/\\u001b[2J: no\n')
})

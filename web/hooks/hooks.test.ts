import { beforeEach, expect, test } from 'bun:test'
import { systemClock } from '../../runtime/os/clock.ts'
import { silentLog } from '../../runtime/os/log.ts'
import { type AuditEntry, createDoor } from '../door/door.ts'
import { listenOnLoopback } from '../door/listen.ts'
import { createHookRoutes, type HookDeps } from './routes.ts'

const secret = 'both-sides-know-it'
let woken: number
let known: Set<string>
let audited: AuditEntry[]
let told: string | undefined

const hooks: HookDeps['hooks'] = {
  secret: async () => told,
  isNew: async signature => !known.has(signature) && known.add(signature).has(signature),
  branch: () => 'main',
  repository: () => 'me/config',
  wake: () => void woken++,
}
const [route] = createHookRoutes({ hooks, clock: systemClock })

beforeEach(() => {
  woken = 0
  known = new Set()
  audited = []
  told = secret
})

const hmac = (text: string, key = secret) => new Bun.CryptoHasher('sha256', key).update(text).digest('hex')
const github = (body: string, key = secret) => ({ 'x-hub-signature-256': `sha256=${hmac(body, key)}` })
const own = (body: string, seconds = Math.floor(Date.now() / 1_000)) => ({
  'x-ai-infra-signature': `t=${seconds},v1=${hmac(`${seconds}.${body}`)}`,
})

async function send(body: string, headers: Record<string, string>, more: Record<string, string> = {}) {
  const door = createDoor({
    routes: route === undefined ? [] : [route],
    clock: systemClock,
    log: silentLog,
    audit: async entry => void audited.push(entry),
    renderError: (status, message) => new Response(message, { status }),
  })
  const listener = listenOnLoopback(door, {
    port: 0,
    // A session that comes along counts for nothing here.
    identify: async () => ({ kind: 'person', id: '1', name: 'Ada', email: 'ada@example.com', sessionToken: 't' }),
    hosts: () => new Set(['portal.example.com']),
    refuse: status => new Response(null, { status }),
  })
  try {
    const url = `http://127.0.0.1:${listener.port}/hooks/upstream`
    const response = await fetch(url, { method: 'POST', body, headers: { 'x-github-event': 'push', ...headers, ...more } })
    return { status: response.status, text: await response.text() }
  } finally {
    await listener.stop()
  }
}

const pushOf = (ref: string) => JSON.stringify({ ref, commits: [], at: Math.random() })

test('a signed push to the mirrored branch has the upstream asked, from wherever it comes', async () => {
  const body = pushOf('refs/heads/main')
  expect(await send(body, github(body))).toEqual({ status: 202, text: 'The upstream is asked.\n' })
  expect(await send(body, own(body), { origin: 'https://evil.example' })).toMatchObject({ status: 202 })
  expect(woken).toBe(2)
  expect(audited.map(({ who, outcome }) => [who, outcome]).slice(0, 2)).toEqual([
    ['anonymous', 'asked'],
    ['anonymous', 'allowed'],
  ])
})

test('a push to another branch, and a ping, ask nobody', async () => {
  const other = pushOf('refs/heads/other')
  expect((await send(other, github(other))).status).toBe(202)
  expect(await send('{"zen":"x"}', github('{"zen":"x"}'), { 'x-github-event': 'ping' })).toEqual({ status: 200, text: 'pong\n' })
  expect(woken).toBe(0)
})

test('without a signature, with a wrong one, or where nobody has a secret, the answer is the same, and it is written down', async () => {
  const body = pushOf('refs/heads/main')
  const answers = [
    await send(body, {}),
    await send(body, github(body, 'guessed')),
    await send(body, { 'x-hub-signature-256': 'sha256=' }),
  ]
  answers.push(await send(`${body} `, github(body)))
  told = undefined
  answers.push(await send(body, github(body)), await send(body, github(body, '')))
  expect(new Set(answers.map(answer => JSON.stringify(answer)))).toEqual(
    new Set(['{"status":401,"text":"This is not signed.\\n"}']),
  )
  expect(audited.filter(({ outcome }) => outcome === 'failed')).toHaveLength(answers.length)
  expect(woken).toBe(0)
})

test('the same again is refused, whatever number its delivery has', async () => {
  const body = pushOf('refs/heads/main')
  expect((await send(body, github(body), { 'x-github-delivery': '1' })).status).toBe(202)
  expect((await send(body, github(body), { 'x-github-delivery': '2' })).status).toBe(409)
  expect(
    (await send(body, { 'x-hub-signature-256': github(body)['x-hub-signature-256'].toUpperCase().replace('SHA', 'sha') })).status,
  ).toBe(409)
  expect(woken).toBe(1)
})

test('a time that is signed has to be now', async () => {
  const body = '{}'
  const now = Math.floor(Date.now() / 1_000)
  expect((await send(body, own(body, now - 200))).status).toBe(202)
  for (const off of [-400, 400]) expect((await send(body, own(body, now + off))).status).toBe(401)
})

test('more than 4 MiB is refused before it is read whole, and rubbish that is signed is only a look', async () => {
  expect((await send('x'.repeat(5 * 1024 * 1024), {})).status).toBe(413)
  expect((await send('no JSON', github('no JSON'))).status).toBe(202)
  expect(woken).toBe(1)
})

import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import type { CloudflareProvider } from '../../../desired-state/state.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { type FoundSet, NoSuchZone } from '../provider.ts'
import { type CloudflareServer, startCloudflare } from '../testing/cloudflare.ts'
import { cloudflareSecrets } from '../testing/grounds.ts'
import { createAccount, createAsk } from './api.ts'
import { createCloudflare } from './provider.ts'
import { zonesOf } from './zones.ts'

setDefaultTimeout(120_000)

const zone = 'example.com'
const signal = AbortSignal.timeout(300_000)
const set = (name: string, ...values: readonly string[]): FoundSet => ({ name: `${name}.${zone}`, type: 'A', ttl: 300, values })
const put = (one: FoundSet, before?: FoundSet) => ({ type: 'put' as const, set: one, before })

let server: CloudflareServer
beforeAll(() => {
  server = startCloudflare([zone])
})
afterAll(() => server[Symbol.asyncDispose]())
beforeEach(() => server.calls.splice(0))

const provider = (more: Partial<CloudflareProvider> = {}, account = createAccount(), clock = systemClock) =>
  createCloudflare({ ...server.declared, ...more }, { ...cloudflareSecrets(server), clock, owner: 'me', account })
/** Waits for no answer longer than a moment. */
const hurried = () =>
  createCloudflare(server.declared, {
    ...{ ...cloudflareSecrets(server), clock: systemClock, owner: 'me', account: createAccount(), patience: 300 },
  })
const addresses = (name: string) =>
  server
    .zone(zone)
    .records.list()
    .filter(record => record.name === `${name}.${zone}`)
    .map(({ content = '' }) => content)
    .sort()

test('a token or the global key with its e-mail: either opens, and neither is read from the environment of the client', async () => {
  process.env.CLOUDFLARE_API_TOKEN = 'of somebody else'
  try {
    const { token: _, ...rest } = server.declared
    const withKey = createCloudflare(
      { ...rest, api_key: 'secret:CLOUDFLARE_API_KEY', email: server.email },
      { ...cloudflareSecrets(server), clock: systemClock, owner: 'me', account: createAccount() },
    )
    for (const one of [provider(), withKey]) expect((await one.read(zone, signal)).sets).toBeInstanceOf(Map)
  } finally {
    process.env.CLOUDFLARE_API_TOKEN = undefined
  }
})

test('a refused token is said with Cloudflare’s words and what it needs, a missing zone with what to write; no secret is in either', async () => {
  const wrong = createCloudflare(server.declared, {
    ...{
      secret: async () => 'marker-of-a-token',
      baseUrl: server.url,
      clock: systemClock,
      owner: 'me',
      account: createAccount(),
    },
  })
  const refused = await wrong.read(zone, signal).catch((error: unknown) => error)
  expect(refused).toMatchObject({ kind: 'stalled', message: expect.stringContaining('Invalid access token (9109)') })
  expect(Bun.inspect(refused)).not.toContain('marker-of-a-token')
  const missing = await provider()
    .read('missing.example.org', signal)
    .catch((error: unknown) => error)
  expect(missing).toBeInstanceOf(NoSuchZone)
  expect(missing).toMatchObject({ hint: expect.stringContaining('create: true') })
})

test('a zone is made in the account that is named, once, and says whom the registrar has to name', async () => {
  const one = provider()
  await one.create?.('new.example.net', signal)
  await one.create?.('new.example.net', signal)
  expect(server.calls.filter(call => call === 'POST /zones')).toHaveLength(1)
  expect((await one.read('new.example.net', signal)).unseen).toContain('ada.ns.cloudflare.com and bob.ns.cloudflare.com')
  const { account_id: _, ...nowhere } = server.declared
  const lost = createCloudflare(nowhere, {
    ...cloudflareSecrets(server),
    clock: systemClock,
    owner: 'me',
    account: createAccount(),
  })
  await expect(lost.create?.('other.example.net', signal)).rejects.toThrow('in which account')
})

test('all zones of the account are listed, page by page', async () => {
  await using large = startCloudflare(Array.from({ length: 120 }, (_, index) => `z${index}.example.org`))
  const deps = { ...cloudflareSecrets(large), clock: systemClock, account: createAccount() }
  const { declared } = large
  expect(await zonesOf({ declared, ask: createAsk(declared, deps) }, signal)).toHaveLength(120)
  expect(large.calls).toEqual(['GET /zones', 'GET /zones', 'GET /zones'])
})

test('five hundred changed records take one look and three requests', async () => {
  const many = (last: number) => Array.from({ length: 500 }, (_, index) => set(`many-${index}`, `198.51.100.${last}`))
  const one = provider()
  await one.change(
    zone,
    many(1).map(each => put(each)),
    signal,
  )
  server.calls.splice(0)
  await one.read(zone, signal)
  const failures = await one.change(
    zone,
    many(2).map((each, index) => put(each, many(1)[index])),
    signal,
  )
  expect(failures.size).toBe(0)
  expect(server.calls.map(call => call.replace(/[0-9a-f]{32}/, 'ID'))).toEqual([
    'GET /zones/ID/dns_records',
    ...Array.from({ length: 3 }, () => 'POST /zones/ID/dns_records/batch'),
  ])
  await one.change(
    zone,
    many(2).map(before => ({ type: 'remove' as const, before })),
    signal,
  )
})

test('5,000 records are read', async () => {
  const { records } = server.addZone('large.example.org')
  for (let index = 0; index < 5_000; index++)
    records.byHand({ type: 'A', name: `host-${index}`, content: `10.0.${index >> 8}.${index & 255}`, ttl: 1 })
  expect((await provider().read('large.example.org', signal)).sets.size).toBe(5_000)
})

test.each([
  ['a status 500', { status: 500, after: true }],
  ['no answer in time', { isSilent: 'after' }],
  ['an answer that breaks off', { breaksOff: true }],
] as const)('%s after the change was made is looked at, not repeated', async (_what, how) => {
  const name = `after-${'status' in how ? 'status' : 'isSilent' in how ? 'silence' : 'break'}`
  server.fail({ on: /batch/, how })
  const failures = await hurried().change(zone, [put(set(name, '203.0.113.1'))], signal)
  expect(failures.size).toBe(0)
  expect(server.calls.filter(call => call.endsWith('batch'))).toHaveLength(1)
  expect(addresses(name)).toEqual(['203.0.113.1'])
})

test.each([
  ['a status 502', { status: 502 }],
  ['no answer in time', { isSilent: 'before' }],
] as const)('%s before the change was made says that it was not made', async (_what, how) => {
  server.fail({ on: /batch/, how })
  const name = `before-${'status' in how ? 'status' : 'silence'}`
  const failures = await hurried().change(zone, [put(set(name, '203.0.113.1'))], signal)
  expect(failures.get(`${name}.${zone}/A`)).toMatchObject({ kind: 'failed', hint: 'it was not done, and is tried again' })
  expect(addresses(name)).toEqual([])
})

test('an answer that is not whole is none: a zone is never taken for empty', async () => {
  server.zone(zone).records.byHand({ type: 'A', name: 'there', content: '203.0.113.50', ttl: 300 })
  for (const how of [{ breaksOff: true }, { leavesOut: true }] as const) {
    server.fail({ on: /GET .*dns_records/, how })
    await expect(provider().read(zone, signal)).rejects.toMatchObject({ kind: 'waiting' })
  }
})

test('a request for quiet is obeyed: short in place, long by asking nothing more until then', async () => {
  let now = new Date('2026-11-28T12:00:00Z')
  const slept: number[] = []
  const clock = {
    now: () => now,
    async sleep(milliseconds: number) {
      slept.push(milliseconds)
      now = new Date(now.getTime() + milliseconds)
    },
  }
  server.fail({ on: /batch/, how: { status: 429, retryAfter: 1 } })
  expect((await provider({}, createAccount(), clock).change(zone, [put(set('quiet', '203.0.113.1'))], signal)).size).toBe(0)
  expect(slept).toEqual([1_000])

  now = new Date('2026-11-28T12:00:00Z')
  const account = createAccount()
  server.fail({ on: /GET .*dns_records/, how: { status: 429, retryAfter: 240 } })
  await expect(provider({}, account, clock).read(zone, signal)).rejects.toMatchObject({
    kind: 'waiting',
    message: expect.stringContaining('12:04:00'),
  })
  const asked = server.calls.length
  await expect(provider({}, account, clock).read(zone, signal)).rejects.toMatchObject({ kind: 'waiting' })
  expect(server.calls.length).toBe(asked)
  now = new Date('2026-11-28T12:04:01Z')
  expect((await provider({}, account, clock).read(zone, signal)).sets.size).toBeGreaterThan(0)

  // A clock that was ahead when it was asked for, and is set right since.
  account.quietUntil = Date.parse('2031-01-01T00:00:00Z')
  expect((await provider({}, account, clock).read(zone, signal)).sets.size).toBeGreaterThan(0)
})

test('a record that Cloudflare refuses fails alone, in its words; the others are made', async () => {
  const sets = Array.from({ length: 20 }, (_, index) => set(`calm-${index}`, '203.0.113.1'))
  const odd = { ...set('odd', '10.0.0.1'), ttl: 1, proxied: true as const }
  const failures = await provider().change(
    zone,
    [...sets, odd].map(one => put(one)),
    signal,
  )
  expect([...failures].map(([key, error]) => [key, error.message])).toEqual([
    ['odd.example.com/A', 'Cloudflare refuses it (change example.com): Target is not allowed for a proxied record. (9003)'],
  ])
  expect(addresses('calm-19')).toEqual(['203.0.113.1'])
})

test('a set that somebody else changed meanwhile is not overwritten, and a value of somebody else beside ours stays', async () => {
  const one = provider()
  await one.change(zone, [put(set('raced', '203.0.113.1')), put(set('mixed', '203.0.113.1'))], signal)
  const { records } = server.zone(zone)
  records.byHand({ type: 'A', name: 'mixed', content: '203.0.113.9', ttl: 300 })
  await one.read(zone, signal)
  records.editByHand(records.list().find(({ name }) => name === 'raced.example.com')?.id ?? '', record =>
    record.type === 'A' ? { ...record, content: '203.0.113.66' } : record,
  )
  const content = await one.read(zone, signal)
  expect(content.sets.get('mixed.example.com/A')).toMatchObject({ theirs: ['203.0.113.9'] })
  const failures = await one.change(
    zone,
    [
      put(set('raced', '203.0.113.2'), set('raced', '203.0.113.1')),
      { type: 'remove', before: { ...set('mixed', '203.0.113.1', '203.0.113.9'), theirs: ['203.0.113.9'] } },
    ],
    signal,
  )
  expect([...failures.keys()]).toEqual(['raced.example.com/A'])
  expect(addresses('raced')).toEqual(['203.0.113.66'])
  expect(addresses('mixed')).toEqual(['203.0.113.9'])
})

test('a zone that was removed and made again is found again', async () => {
  const account = createAccount()
  await provider({}, account).read(zone, signal)
  account.zones.set(zone, { id: '0'.repeat(32), seen: true })
  await expect(provider({}, account).read(zone, signal)).rejects.toMatchObject({ kind: 'stalled' })
  expect((await provider({}, account).read(zone, signal)).sets.size).toBeGreaterThan(0)
})

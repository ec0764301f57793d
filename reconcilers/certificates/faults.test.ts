import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import { hostPlaces } from './places.ts'
import { type Front, startFront, window } from './testing/front.ts'
import { createRig, type Rig } from './testing/rig.ts'

setDefaultTimeout(120_000)

let rig: Rig
let front: Front
beforeAll(async () => {
  rig = await createRig()
  front = await startFront(rig.pebble)
})
afterAll(async () => {
  await front[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
})
beforeEach(() => {
  rig.directory = front.directory
  rig.attempts.length = 0
  rig.answering = async () => {}
  front.instead = {}
})

const shop = '  shop.example.com: { root: shop, tls: acme }\n'
const www = '  www.shop.example.com: { root: www, tls: acme }\n'
const names = { host: 'shop.example.com', aliases: [] }
const hour = 3_600_000
const day = 24 * hour
const problem = (status: number, type: string, detail: string, headers: Readonly<Record<string, string>> = {}) =>
  new Response(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }), {
    ...{ status, headers: { 'content-type': 'application/problem+json', ...headers } },
  })

const certificateOf = (domain: typeof names) => rig.certificates.chosen({ ...domain, tls: 'acme' }).shares[0]?.certificate.id

const renew = () =>
  rig.requests.set(names.host, {
    ...{ host: names.host, action: { type: 'renew' }, by: 'ada', at: rig.clock.now() },
    certificate: rig.certificates.issued(names, rig.directory)?.id ?? '',
  })

test('an authority that has had too many questions is left alone for as long as it says, and its words are told', async () => {
  front.instead = {
    newOrder: () => problem(429, 'rateLimited', 'too many certificates already issued', { 'retry-after': '7200' }),
  }
  await expect(rig.converge(shop)).rejects.toThrow('too many certificates already issued')
  const { changes, obstacles } = await rig.look(shop)
  expect(changes).toEqual([])
  const until = new Date(rig.clock.now().getTime() + 2 * hour).toISOString().slice(0, 16).replace('T', ' ')
  expect(obstacles).toMatchObject([
    {
      ...{ key: names.host, state: 'waiting', reason: 'certificate-refused' },
      message: expect.stringMatching(new RegExp(`too many certificates already issued.*it is tried again at ${until} UTC`)),
    },
  ])
  rig.clock.turn(2 * hour - 60_000)
  expect((await rig.look(shop)).changes).toEqual([])
  rig.clock.turn(120_000)
  expect((await rig.look(shop)).changes).toHaveLength(1)
})

test('where an authority takes no orders of the account, one host is told and no other asks, until the time that it said', async () => {
  const words = 'too many new orders (300) from this account in the last 3h0m0s'
  front.instead = { newOrder: () => problem(429, 'rateLimited', words, { 'retry-after': '7200' }) }
  const plannedBefore = (await rig.look(`${shop}${www}`)).changes.find(({ key }) => key !== names.host)
  if (plannedBefore === undefined) throw new Error('nothing is planned')
  await expect(rig.converge(shop)).rejects.toThrow(words)
  const asked = front.asked.length
  const { changes, obstacles } = await rig.look(`${shop}${www}`)
  expect(changes).toEqual([])
  const until = new Date(rig.clock.now().getTime() + 2 * hour).toISOString().slice(0, 16).replace('T', ' ')
  expect(obstacles.map(({ key, state }) => [key, state])).toEqual([
    [names.host, 'waiting'],
    ['www.shop.example.com', 'waiting'],
  ])
  for (const { message } of obstacles) {
    expect(message).toContain(words)
    expect(message).toEndWith(
      `it said so of the account when asked for ${names.host}, so all hosts wait; it is tried again at ${until} UTC`,
    )
  }
  const context = { signal: new AbortController().signal, progress: () => {}, step: async () => {} }
  await expect(rig.reconciler().apply(plannedBefore, context)).rejects.toMatchObject({
    kind: 'waiting',
    message: expect.stringContaining(words),
  })
  expect([front.asked.length, rig.attempts.length]).toEqual([asked, 1])
  rig.clock.turn(2 * hour + 60_000)
  expect((await rig.look(`${shop}${www}`)).changes).toHaveLength(2)
})

test('an authority that is away, broken or refuses is named, with what to do; after three times the host waits', async () => {
  rig.directory = 'https://127.0.0.1:1/dir'
  await expect(rig.converge(shop)).rejects.toMatchObject({ hint: 'the authority does not answer' })
  rig.directory = front.directory
  front.instead = { dir: () => new Response('<html>busy', { status: 503 }) }
  await expect(rig.converge(shop)).rejects.toThrow('127.0.0.1 gave no certificate')
  front.instead = { newOrder: () => problem(400, 'rejectedIdentifier', 'the name is on a list of ours') }
  await expect(rig.converge(shop)).rejects.toThrow('the name is on a list of ours')
  expect((await rig.look(shop)).obstacles).toMatchObject([
    { state: 'waiting', message: expect.stringContaining('the name is on a list of ours') },
  ])
  rig.clock.turn(hour + 1_000)
  expect((await rig.look(shop)).changes).toHaveLength(1)
})

test('an account that the authority knows no more is opened again', async () => {
  await rig.converge(shop)
  renew()
  front.instead = { newOrder: () => problem(400, 'accountDoesNotExist', 'no such account') }
  await expect(rig.converge(shop)).rejects.toThrow('no such account')
  front.instead = {}
  const { first, second } = await rig.converge(shop)
  expect([first.changes.length, second.changes.length]).toEqual([1, 0])
})

test('an authority that looks slowly is waited for, and another host does not wait with it', async () => {
  const released = Promise.withResolvers<void>()
  rig.answering = url => (url.includes('acme-challenge') ? released.promise : Promise.resolve())
  const order: string[] = []
  const reconciler = rig.reconciler({
    async served({ host }) {
      order.push(host)
      if (host === 'quick.example.com') released.resolve()
    },
  })
  const quick = '  quick.example.com: { root: quick, tls: acme, challenge: dns }\n'
  expect((await rig.converge(`${www}${quick}`, { reconciler })).second.changes).toEqual([])
  expect(order).toEqual(['quick.example.com', 'www.shop.example.com'])
})

test('a certificate that was cut off, is for another name or has another key is not served; what was given is taken up again', async () => {
  rig.directory = rig.pebble.directory
  await rig.converge(shop)
  const asked = rig.attempts.length
  const issued = () => rig.certificates.issued(names, rig.directory)
  const folder = () => join(nginxLayout(rig.home).certificates, names.host, issued()?.id ?? '')
  const chain = join(folder(), 'certificate.pem')
  const text = await readFile(chain, 'utf8')
  await writeFile(chain, text.slice(0, 300))
  expect(issued()).toBeUndefined()
  await rm(join(chain, '..'), { recursive: true })
  expect((await rig.converge(shop)).second.changes).toEqual([])
  expect(rig.attempts.length).toBe(asked)
  await rig.converge(www)
  const other = rig.certificates.issued({ host: 'www.shop.example.com', aliases: [] }, rig.directory)
  const foreign = rig.certificates.chainOf('www.shop.example.com', other?.id ?? '')
  const { order } = hostPlaces({ folder: join(rig.home.root, 'certbot'), challenges: '', sockets: '' }, rig.directory, names.host)
  await mkdir(order, { recursive: true })
  await writeFile(join(order, 'fullchain.pem'), foreign)
  await rm(folder(), { recursive: true })
  expect((await rig.converge(`${shop}${www}`)).second.changes).toEqual([])
  expect(issued()?.names).toEqual(new Set(['shop.example.com']))
})

test('one that has ended serves on in place of a self-signed one, as the clock may be wrong, and is told of until another one is given', async () => {
  rig.directory = rig.pebble.directory
  await rig.converge(shop)
  const issued = rig.certificates.issued(names, rig.directory)
  const life = (issued?.end ?? 0) - rig.clock.now().getTime()
  rig.clock.turn(life + day)
  try {
    expect(certificateOf(names)).toBe(issued?.id)
    rig.directory = 'https://127.0.0.1:1/dir'
    const at = rig.clock.now()
    const failed = { host: names.host, directory: rig.pebble.directory, failure: 'the authority is away', notBefore: undefined }
    for (const minutes of [3, 2, 1]) rig.attempts.push({ ...failed, at: new Date(at.getTime() - minutes * 60_000) })
    rig.directory = rig.pebble.directory
    const { obstacles, urgent } = await rig.look(shop)
    expect(obstacles).toMatchObject([{ message: expect.stringContaining('the authority is away') }])
    expect(urgent?.get(names.host)).toEqual({ reason: 'ends-within-1-days', message: 'it has ended, and is not renewed yet' })
  } finally {
    rig.clock.turn(-life - day)
  }
})

test('under a clock in the past or far in the future nothing is thrown away, and what was tried then holds nothing up after it', async () => {
  rig.directory = rig.pebble.directory
  await rig.converge(shop)
  const issued = rig.certificates.issued(names, rig.directory)
  rig.attempts.length = 0
  const decade = 3_650 * day
  rig.clock.turn(-decade)
  expect((await rig.look(shop)).changes).toEqual([])
  expect(certificateOf(names)).toBe(issued?.id)
  rig.clock.turn(2 * decade)
  const failed = { host: names.host, directory: rig.directory, failure: 'certificate has expired', notBefore: undefined }
  for (const minutes of [3, 2, 1]) rig.attempts.push({ ...failed, at: new Date(rig.clock.now().getTime() - minutes * 60_000) })
  rig.clock.turn(-decade)
  const { changes, obstacles } = await rig.look(shop)
  expect([changes, obstacles]).toEqual([[], []])
  renew()
  expect((await rig.look(shop)).changes).toHaveLength(1)
  rig.requests.clear()
})

test('where a dead alias keeps a hurried renewal from all names, the others are renewed without it, once', async () => {
  const two = '  shop.example.com: { root: shop, tls: acme, aliases: [www.shop.example.com] }\n'
  const later = (days: number) => new Date(rig.clock.now().getTime() + days * day)
  front.renewal = () => window(later(60), later(62))
  await rig.converge(two)
  await rig.bind.byHand('update delete www.shop.example.com. A')
  front.renewal = () => window(later(-3), later(-1))
  rig.clock.turn(2 * day)
  const [failed, again] = [await rig.converge(two).catch(String), await rig.converge(two).catch(String)]
  await rig.bind.byHand('update add www.shop.example.com. 60 A 127.0.0.1')
  front.renewal = () => new Response('no such certificate', { status: 404 })
  rig.clock.turn(-2 * day)
  expect([failed, again]).toEqual([expect.stringContaining('www.shop'), expect.stringContaining('www.shop')])
  const { shares } = rig.certificates.chosen({ host: 'shop.example.com', aliases: ['www.shop.example.com'], tls: 'acme' })
  expect(shares.map(({ names }) => names)).toEqual([['shop.example.com'], ['www.shop.example.com']])
  const given = rig.attempts.filter(({ failure, at }) => failure === undefined && at >= later(1))
  expect(given).toHaveLength(1)
})

test('on a full disk no authority is asked, and one that fills up meanwhile loses nothing of what was given', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cf-'))
  try {
    const home = join(folder, 'home')
    await mkdir(home)
    const told = { home, secret: rig.bind.secret, dnsPort: rig.bind.port, authorities: rig.pebble.authorities }
    const domains = '  full.example.com: { root: full, tls: acme, challenge: dns }\n'
    const inside = Bun.spawn(
      [
        ...['/usr/bin/bwrap', '--dev-bind', '/', '/', '--size', String(48 << 20), '--tmpfs', home, '--die-with-parent', '--'],
        ...[process.execPath, '--no-env-file', '--config=/dev/null', join(import.meta.dir, 'testing', 'on-full-disk.ts')],
        JSON.stringify({ ...told, domains, directory: rig.pebble.directory }),
      ],
      { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
    )
    const [out] = await Promise.all([new Response(inside.stdout).text(), inside.exited])
    expect(JSON.parse(out)).toEqual({
      before: { failure: expect.stringContaining('the disk is full, so no authority is asked'), asked: 0 },
      during: { failure: expect.stringMatching(/ENOSPC|no space/i), asked: 1 },
      after: { failure: '', asked: 1 },
      left: 0,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

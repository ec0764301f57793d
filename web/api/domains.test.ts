import { beforeEach, expect, test } from 'bun:test'
import { systemClock } from '../../runtime/os/clock.ts'
import { silentLog } from '../../runtime/os/log.ts'
import { json } from '../door/answer.ts'
import { createDoor, type Door } from '../door/door.ts'
import { ada, house } from '../portal/testing/house.ts'
import { domainsRoutes } from './domains.ts'

const yaml = '# ours\ndomains:\n  blog.example.com: { root: blog }\n'
let home: ReturnType<typeof house>
let door: Door

beforeEach(() => {
  home = house()
  home.repository.add({ revision: 'a'.repeat(40) }, { 'domains.yaml': yaml }, '')
  door = createDoor({
    routes: domainsRoutes(home.deps),
    ...{ clock: systemClock, log: silentLog, audit: async () => {} },
    renderError: (status, message) => json({ message }, status),
  })
})

async function ask(method: 'GET' | 'POST', path: string, body?: unknown) {
  const init = body === undefined ? {} : { body: JSON.stringify(body) }
  const request = new Request(`http://localhost${path}`, { method, ...init })
  const response = await door.enter(request, { identity: ada, address: '127.0.0.1', keepOpen: () => {} })
  return { status: response.status, body: await response.json() }
}

const fileNow = async () => home.repository.file((await home.repository.head()) ?? '', 'domains.yaml')

test('a domain is added and taken away by commits of who asked, comments kept', async () => {
  const added = await ask('POST', '/api/domains', {
    domain: 'Shop.Example.com',
    declaration: { proxy: 'http://127.0.0.1:9000', websocket: true },
  })
  expect(added).toMatchObject({ status: 200, body: { unchanged: false } })
  expect(await fileNow()).toBe(`${yaml}  shop.example.com: { proxy: http://127.0.0.1:9000, websocket: true }\n`)
  const commit = await home.repository.commit((await home.repository.head()) ?? '')
  expect([commit?.subject, commit?.author.name]).toEqual(['domains: set shop.example.com', 'Ada Lovelace'])
  expect(await ask('POST', '/api/domains/remove', { domain: 'shop.example.com' })).toMatchObject({ status: 200 })
  expect(await fileNow()).toBe(yaml)
  expect(home.engine.asked).toEqual(['moved', 'moved'])
})

test.each([
  [{ domain: 'a b', declaration: { root: 'a' } }, 'is not a full host name'],
  [{ domain: 'a.example.com', declaration: { rot: 'a' } }, 'a domain has no rot'],
  [{ domain: 'a.example.com', declaration: { root: '../etc' } }, 'domains.yaml:4:'],
  [{ domain: 'a.example.com', declaration: {} }, 'write one of root, proxy, redirect or portal'],
])('what is wrong is refused with a sentence, and nothing is written: %#', async (body, sentence) => {
  const answer = await ask('POST', '/api/domains', body)
  expect(answer.status).toBe(422)
  expect(JSON.stringify(answer.body)).not.toMatch(/✖|→ at/)
  expect(JSON.stringify(answer.body)).toContain(sentence)
  expect(await fileNow()).toBe(yaml)
})

test('an add that must not replace leaves what is declared for the name as it is, and says how to change it', async () => {
  const other = { domain: 'blog.example.com', declaration: { root: 'other' }, replace: false }
  const refused = await ask('POST', '/api/domains', other)
  expect(refused).toMatchObject({
    status: 422,
    body: { message: expect.stringContaining('blog.example.com is declared already') },
  })
  expect(await fileNow()).toBe(yaml)
  const same = await ask('POST', '/api/domains', { ...other, declaration: { root: 'blog' } })
  expect(same).toMatchObject({ status: 200, body: { unchanged: true } })
  const fresh = { ...other, domain: 'new.example.com', declaration: { root: 'new' } }
  expect(await ask('POST', '/api/domains', fresh)).toMatchObject({ status: 200 })
  expect(await ask('POST', '/api/domains', { ...other, replace: true })).toMatchObject({ status: 200 })
  expect(await fileNow()).toContain('blog.example.com: { root: other }')
})

test('a zone that is to be kept for it comes with the same commit, once', async () => {
  const body = { domain: 'shop.example.com', declaration: { root: 'shop', tls: 'acme' }, zone: { provider: 'home' } }
  const providers = 'providers:\n  home: { type: rfc2136, server: 127.0.0.1, key: k, secret: "secret:K" }\n'
  const head = (await home.repository.head()) ?? ''
  await home.repository.edit(head, new Map([['dns.yaml', providers]]), { name: 'a', email: 'a@example.com' }, 'dns')
  expect(await ask('POST', '/api/domains', body)).toMatchObject({ status: 200, body: { unchanged: false } })
  const now = (await home.repository.head()) ?? ''
  expect(await home.repository.file(now, 'dns.yaml')).toBe(`${providers}zones:\n  example.com: { provider: home }\n`)
  expect(await fileNow()).toContain('shop.example.com: { root: shop, tls: acme }')
  expect(await ask('POST', '/api/domains', body)).toMatchObject({
    ...{ status: 422, body: { message: expect.stringContaining('the zone example.com, which dns.yaml keeps already') } },
  })
  const elsewhere = { ...body, domain: 'a.example.org', zone: { provider: 'home', name: 'example.net' } }
  expect(await ask('POST', '/api/domains', elsewhere)).toMatchObject({
    ...{ status: 422, body: { message: expect.stringContaining('a.example.org is not in the zone example.net') } },
  })
})

test('what a change would do is shown, and nothing is written', async () => {
  const head = await home.repository.head()
  const body = { domain: 'shop.example.com', declaration: { root: 'shop' } }
  expect(await ask('POST', '/api/domains/plan', body)).toMatchObject({ status: 200, body: { changes: expect.anything() } })
  expect(await ask('POST', '/api/domains/remove/plan', { domain: 'blog.example.com' })).toMatchObject({ status: 200 })
  const wrong = { ...body, declaration: { root: '../etc' } }
  expect(await ask('POST', '/api/domains/plan', wrong)).toMatchObject({
    ...{ status: 422, body: { message: expect.stringContaining('domains.yaml:4:') } },
  })
  expect(await home.repository.head()).toBe(head)
  expect(home.engine.asked).toEqual([])
})

test('what is not declared cannot be removed, and is said so', async () => {
  const answer = await ask('POST', '/api/domains/remove', { domain: 'other.example.com' })
  expect(answer).toMatchObject({ status: 422, body: { message: expect.stringContaining('other.example.com is not declared') } })
})

test('each domain is listed with its certificate, its records and its visits', async () => {
  const facts = { revision: 'x', since: '2026-11-28T12:00:00Z', reason: '' } as const
  home.engine.put({ ...facts, kind: 'site', key: 'blog.example.com', state: 'ready', message: '' })
  home.engine.put({ ...facts, kind: 'certificate', key: 'blog.example.com', state: 'waiting', message: 'port 80' })
  home.visits.set('blog.example.com', { requests: 3, bytes: 30, errors: 1 })
  const { body } = await ask('GET', '/api/domains')
  expect(body).toMatchObject({
    domains: [
      {
        ...{ domain: 'blog.example.com', aliases: [], serves: 'www/blog', tls: 'none' },
        ...{ site: { state: 'ready', message: '' }, certificate: { state: 'waiting', message: 'port 80' } },
        visits: { requests: 3, bytes: 30, errors: 1 },
      },
    ],
  })
})

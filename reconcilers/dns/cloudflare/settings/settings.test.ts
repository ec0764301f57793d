import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stateOf } from '../../../../desired-state/testing/tree.ts'
import { type CloudflareServer, startCloudflare } from '../../testing/cloudflare.ts'
import { dieAtStep } from '../../testing/die.ts'
import { cloudflareSecrets } from '../../testing/grounds.ts'
import { createAccount } from '../api.ts'
import { createKeptSettings } from './kept.ts'
import { createCloudflareSettings } from './settings.ts'

const zone = 'example.com'
let server: CloudflareServer
let folder: string
let now: Date
beforeEach(async () => {
  server = startCloudflare([zone])
  folder = await mkdtemp(join(tmpdir(), 'cf-'))
  now = new Date('2026-11-28T12:00:00Z')
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const clock = { now: () => now, sleep: async () => {} }
const signal = AbortSignal.timeout(60_000)
const reconciler = (owner = 'me') =>
  createCloudflareSettings({
    ...{ clock, owner, kept: createKeptSettings(folder) },
    cloudflare: () => ({ ...cloudflareSecrets(server), clock, account: createAccount() }),
  })
const desiredOf = (settings: string) => {
  const provider = `providers:\n  cloud: { type: cloudflare, token: "secret:CLOUDFLARE_TOKEN", account_id: ${server.accountId} }\n`
  const zones =
    settings === '' ? '' : `zones:\n  ${zone}:\n    provider: cloud\n    cloudflare:\n${settings.replace(/^/gm, '      ')}\n`
  return reconciler().select(stateOf({ 'dns.yaml': provider + zones }))
}
async function converge(settings: string, by = reconciler()) {
  const desired = desiredOf(settings)
  const { changes, obstacles } = by.plan(desired, await by.observe(desired, signal))
  const outcomes =
    changes.length === 0 ? [] : ((await by.applyBatch?.(changes, { signal, step: async () => {}, progress: () => {} })) ?? [])
  const failed = outcomes.flatMap(({ key, error }) => (error === undefined ? [] : [`${key}: ${error.message}`]))
  const after = by.plan(desired, await by.observe(desired, signal))
  return {
    changes: changes.map(({ operation, key }) => `${operation} ${key}`),
    obstacles,
    failed,
    left: after.changes.map(({ key }) => key),
    after,
  }
}
const settings = () => server.zone(zone).settings

const everything = `ssl: strict
always_use_https: true
min_tls_version: "1.2"
browser_cache_ttl: 3600
waf:
  block-login: { when: (http.request.uri.path eq "/wp-login.php") }
  doubt: { when: (cf.client.bot), do: managed_challenge }
rate_limits:
  login: { when: (http.request.uri.path eq "/login"), requests: 5, seconds: 10, for_seconds: 10 }
redirects:
  old: { when: (http.host eq "old.example.com"), to: "https://example.com/" }
cache_rules:
  assets: { when: (http.request.uri.path.extension eq "css"), edge_seconds: 86400 }
workers_routes:
  "example.com/api/*": api
load_balancers:
  shop: { pools: { eu: [203.0.113.1, 203.0.113.2], us: [198.51.100.1] } }`

test('all of it is made as declared, a second look finds nothing to do, and all of ours goes when it is declared no more', async () => {
  settings().hasBalancers = true
  settings().ruleByHand('http_request_firewall_custom', {
    action: 'block',
    expression: '(true)',
    description: 'of somebody else',
  })
  const first = await converge(everything)
  expect(first.changes).toHaveLength(11)
  expect({ failed: first.failed, left: first.left, obstacles: first.obstacles }).toEqual({ failed: [], left: [], obstacles: [] })
  expect(settings().settings.get('ssl')).toBe('strict')
  expect(settings().settings.get('always_use_https')).toBe('on')
  expect(settings().rulesets.get('http_request_firewall_custom')?.rules).toHaveLength(3)
  expect([...settings().balancers.values()].map(({ name }) => name)).toEqual(['shop.example.com'])
  expect(server.pools.size).toBe(2)

  const last = await converge('')
  expect(last.failed).toEqual([])
  expect(
    settings()
      .rulesets.get('http_request_firewall_custom')
      ?.rules.map(({ description }) => description),
  ).toEqual(['of somebody else'])
  expect([settings().routes.size, settings().balancers.size, server.pools.size]).toEqual([0, 0, 0])
  expect(settings().settings.get('ssl')).toBe('strict')
  expect(await createKeptSettings(folder).all()).toEqual([])
})

test('what somebody changes at Cloudflare is put back at the next look, which is five minutes later at most', async () => {
  const by = reconciler()
  const declared = 'ssl: strict\nwaf: { a: { when: (true) } }'
  await converge(declared, by)
  settings().settings.set('ssl', 'off')
  const calls = server.calls.length
  expect((await converge(declared, by)).changes).toEqual([])
  expect(server.calls.length).toBe(calls)
  now = new Date(now.getTime() + 301_000)
  expect(await converge(declared, by)).toMatchObject({ changes: [`update ${zone}/ssl`], left: [] })
})

test('rules change in place, and rules of others and of another appliance stay', async () => {
  await converge('waf: { a: { when: (http.host eq "a") }, b: { when: (http.host eq "b") } }')
  await converge('waf: { c: { when: (http.host eq "c") } }', reconciler('another'))
  const changed = await converge('waf: { a: { when: (http.host eq "z"), do: log }, b: { when: (http.host eq "b") } }')
  expect(changed).toMatchObject({ changes: [`update ${zone}/waf/a`], left: [], failed: [] })
  expect(settings().rulesets.get('http_request_firewall_custom')?.rules).toHaveLength(3)
})

test('what the plan of the zone does not include is stalled in Cloudflare’s words, and the rest is made', async () => {
  const { failed, after } = await converge(
    `ssl: strict\nrate_limits:\n  a: { when: (true), requests: 1 }\n  b: { when: (true), requests: 1 }\nload_balancers: { shop: { pools: { eu: [203.0.113.1] } } }`,
  )
  expect(failed).toEqual([
    expect.stringContaining('exceeded maximum number of rules in the phase http_ratelimit: 1; upgrade your plan'),
  ])
  expect(after.obstacles).toMatchObject([
    {
      key: `${zone}/load_balancers/shop.example.com`,
      state: 'stalled',
      message: expect.stringContaining('Load Balancing is not enabled'),
    },
  ])
  expect(settings().settings.get('ssl')).toBe('strict')
  expect(settings().rulesets.get('http_ratelimit')?.rules).toHaveLength(1)
})

test('an expression that Cloudflare does not take fails alone, in its words', async () => {
  const { failed } = await converge('waf: { bad: { when: not an expression }, good: { when: (true) } }')
  expect(failed).toEqual([expect.stringContaining("'not an expression' is not a valid value for expression")])
  expect(settings().rulesets.get('http_request_firewall_custom')?.rules).toHaveLength(1)
})

test('a route, a load balancer and a pool of somebody else are not taken over', async () => {
  settings().hasBalancers = true
  const id = 'a'.repeat(32)
  settings().routes.set(id, { id, pattern: 'example.com/*', script: 'theirs' })
  settings().balancers.set(id, { id, name: 'shop.example.com', default_pools: [], fallback_pool: '' })
  const { changes, obstacles } = await converge(
    'workers_routes: { "example.com/*": mine }\nload_balancers: { shop: { pools: { eu: [203.0.113.1] } } }',
  )
  expect(changes).toEqual([])
  expect(obstacles.map(({ reason }) => reason)).toEqual(['foreign', 'foreign'])
})

test('a request that was obeyed and not answered is looked at: no rule is there twice', async () => {
  server.fail({ on: /POST .*rulesets/, how: { status: 500, after: true } })
  const first = await converge('waf: { a: { when: (true) } }')
  expect(first.failed).toHaveLength(1)
  expect(first.left).toEqual([])
  expect(settings().rulesets.get('http_request_firewall_custom')?.rules).toHaveLength(1)
})

test('after a death at any step the next look goes on, with nothing lost or doubled', async () => {
  settings().hasBalancers = true
  const declared = (round: number) =>
    `ssl: ${round % 2 === 0 ? 'full' : 'strict'}\nwaf: { a${round}: { when: (true) } }\nworkers_routes: { "example.com/${round}/*": api }`
  const steps: string[] = []
  for (let number = 0; ; number++) {
    const step = await dieAtStep(reconciler(), desiredOf(declared(number)), number)
    const { failed, left } = await converge(declared(number))
    expect({ step, failed, left }).toEqual({ step, failed: [], left: [] })
    expect(settings().rulesets.get('http_request_firewall_custom')?.rules).toHaveLength(1)
    expect([...settings().routes.values()].map(({ pattern }) => pattern)).toEqual([`example.com/${number}/*`])
    if (step === undefined) break
    steps.push(step)
  }
  expect(new Set(steps)).toEqual(new Set(['begin', 'kept', 'sent', 'changed']))
})

test('a load balancer follows its pools: servers, order, and pools that it no longer has', async () => {
  settings().hasBalancers = true
  await converge('load_balancers: { shop: { pools: { eu: [203.0.113.1], us: [198.51.100.1] } } }')
  const { failed, left } = await converge(
    'load_balancers: { shop: { pools: { eu: [203.0.113.1, 203.0.113.9] }, steering: random } }',
  )
  expect({ failed, left }).toEqual({ failed: [], left: [] })
  expect([...server.pools.values()].map(({ name, origins }) => [name, origins?.length])).toEqual([['shop_example_com-eu', 2]])
})

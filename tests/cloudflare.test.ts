import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bind, startBind } from '../reconcilers/dns/testing/bind.ts'
import { type CloudflareServer, startCloudflare } from '../reconcilers/dns/testing/cloudflare.ts'
import { createRepository } from '../reconcilers/sites/testing/git.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let bind: Bind
/** Names a second server that is not there. */
let lonely: Bind
let cloudflare: CloudflareServer
let clone: Clone
let source: string

beforeAll(async () => {
  appliance = await createAppliance()
  bind = await startBind(['example.net'])
  lonely = await startBind(['example.org'], ['127.0.0.2'])
  cloudflare = startCloudflare(['example.com', 'unknown.example.org'])
  await appliance.start({
    env: {
      ...{ AI_INFRA_SECRET_DNS_KEY: bind.secret, AI_INFRA_SECRET_CLOUDFLARE_TOKEN: cloudflare.token },
      AI_INFRA_SECRET_LONELY_KEY: lonely.secret,
      CLOUDFLARE_BASE_URL: cloudflare.url,
    },
  })
  clone = await appliance.clone()
  source = await mkdtemp(join(tmpdir(), 'cf-'))
})
afterAll(async () => {
  await appliance?.[Symbol.asyncDispose]()
  await bind?.[Symbol.asyncDispose]()
  await lonely?.[Symbol.asyncDispose]()
  await cloudflare?.[Symbol.asyncDispose]()
  if (source !== undefined) await rm(source, { recursive: true, force: true })
})

const providers = () => `providers:
  cloud: { type: cloudflare, token: "secret:CLOUDFLARE_TOKEN", account_id: ${cloudflare.accountId} }
  home: { type: rfc2136, server: 127.0.0.1, port: ${bind.port}, key: ai-infra, secret: "secret:DNS_KEY" }
  lonely: { type: rfc2136, server: 127.0.0.1, port: ${lonely.port}, key: ai-infra, secret: "secret:LONELY_KEY" }
`
const records = (name: string) =>
  cloudflare
    .zone('example.com')
    .records.list()
    .filter(record => record.name === name)

test('one push keeps zones at two providers at once, and what Cloudflare does in its zone', async () => {
  const { revision, shown } = await clone.deliver({
    'settings.yaml': 'public_addresses: [203.0.113.9]\n',
    'dns.yaml': `${providers()}zones:
  example.com:
    provider: cloud
    proxied: true
    cloudflare: { ssl: strict, waf: { block-login: { when: (http.request.uri.path eq "/wp-login.php") } } }
    records: { "@": { MX: 10 mail.example.net } }
  example.net: { provider: home, records: { mail: { A: 203.0.113.25 } } }
`,
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop }\n  wiki.example.net: { root: wiki }\n',
  })
  await appliance.converged(revision)
  expect(shown).toMatch(/\+ site-record shop\.example\.com\/A created: 203\.0\.113\.9/)
  expect(shown).toMatch(/\+ cloudflare-setting example\.com\/waf\/block-login created/)
  expect(records('shop.example.com')).toMatchObject([{ type: 'A', content: '203.0.113.9', proxied: true, ttl: 1 }])
  expect(await bind.ask('wiki.example.net', 'A')).toEqual(['203.0.113.9'])
  expect(await bind.ask('mail.example.net', 'A')).toEqual(['203.0.113.25'])
  expect(cloudflare.zone('example.com').settings.settings.get('ssl')).toBe('strict')
})

test('the command line shows zones, those of the account too, records, traffic and what was there before, and purges the cache', async () => {
  const list = await appliance.command('dns', 'list')
  expect(list).toMatchObject({ code: 0 })
  expect(list.out).toMatch(/example\.com\s+cloud \(cloudflare\)\s+2\s+2\s+ready/)
  const show = await appliance.command('dns', 'show', 'example.com')
  expect(show.out).toMatch(/dns-record\s+example\.com\/MX\s+ready\s+300 s\s+10 mail\.example\.net/)
  const [, snapshot] = /held before a change: (\S+)/.exec(show.out) ?? []
  expect((await appliance.command('dns', 'show', 'example.com', snapshot ?? '')).out).toContain('"undo"')
  expect((await appliance.command('dns', 'traffic', 'example.com')).out).toMatch(/\d{4}-\d\d-\d\d\s+100\d\s+400/)
  expect((await appliance.command('dns', 'purge', 'example.com')).code).toBe(0)
  expect(cloudflare.zone('example.com').settings.purges).toEqual([{ purge_everything: true }])
  const account = await appliance.command('dns', 'account', 'cloud')
  expect(account.out).toMatch(/example\.com\s+active\s+yes\s+ada\.ns\.cloudflare\.com bob\.ns\.cloudflare\.com/)
  expect(account.out).toMatch(/unknown\.example\.org\s+active\s+no/)
  expect((await appliance.command('dns', 'account', 'home')).error).toContain('provider home of type cloudflare')
  const elsewhere = await appliance.command('dns', 'purge', 'example.net')
  expect(elsewhere).toMatchObject({ code: 1, error: expect.stringContaining('no zone example.net at Cloudflare') })
})

test('a new release of a site whose name goes through Cloudflare has its cache purged', async () => {
  const repo = await createRepository(join(source, 'shop'))
  await repo.commit({ 'index.html': 'first' })
  const before = cloudflare.zone('example.com').settings.purges.length
  const { revision } = await clone.deliver({
    'domains.yaml': `domains:\n  shop.example.com: { root: shop, deploy: { repo: ${repo.path}, branch: main } }\n  wiki.example.net: { root: wiki }\n`,
  })
  await appliance.converged(revision)
  const { purges } = cloudflare.zone('example.com').settings
  await until('the cache is purged', () => purges.length > before)
  expect(purges.at(-1)).toEqual({ hosts: ['shop.example.com'] })
})

test('what is changed by hand at Cloudflare is put back, and its token stands nowhere', async () => {
  const { records: book } = cloudflare.zone('example.com')
  const [shop] = records('shop.example.com')
  book.editByHand(shop?.id ?? '', record => (record.type === 'A' ? { ...record, content: '203.0.113.66' } : record))
  await clone.deliver({ 'README.md': 'a reason to look\n' })
  await until('it is put back', () => records('shop.example.com')[0]?.content === '203.0.113.9')
  const search = Bun.spawn(['grep', '-rlF', '--', cloudflare.token, appliance.home.root], { stderr: 'ignore' })
  expect(await new Response(search.stdout).text()).toBe('')
  expect(appliance.printed()).not.toContain(cloudflare.token)
})

test('a zone that leaves dns.yaml is held once, records of sites too, and then loses what was put there from here', async () => {
  cloudflare.zone('example.com').records.byHand({ type: 'A', name: 'theirs', content: '203.0.113.77', ttl: 300 })
  const pushed = await clone.deliver({
    'dns.yaml': `${providers()}zones:\n  example.net: { provider: home, records: { mail: { A: 203.0.113.25 } } }\n`,
  })
  const ids = [...pushed.shown.matchAll(/approve ([0-9a-f]{12})/g)].map(([, id]) => id ?? '')
  expect(ids).toHaveLength(1)
  expect(records('shop.example.com')).toHaveLength(1)
  expect(await appliance.command('approve', ...ids)).toMatchObject({ code: 0 })
  await appliance.converged(pushed.revision)
  expect(
    cloudflare
      .zone('example.com')
      .records.list()
      .map(({ name }) => name),
  ).toEqual(['theirs.example.com'])
  expect(cloudflare.zone('example.com').settings.rulesets.get('http_request_firewall_custom')?.rules).toEqual([])
  expect(await bind.ask('wiki.example.net', 'A')).toEqual(['203.0.113.9'])
})

test('while a server of a zone is waited for its site serves, other zones go on, and the push says which server it is', async () => {
  const dnsYaml = (mail: string) =>
    `${providers()}zones:\n  example.org: { provider: lonely }\n  example.net: { provider: home, records: { mail: { A: ${mail} } } }\n`
  await clone.write({
    'dns.yaml': dnsYaml('203.0.113.26'),
    'domains.yaml': 'domains:\n  wiki.example.net: { root: wiki }\n  far.example.org: { root: far }\n',
  })
  await clone.commit()
  const push = await clone.startPush()
  const far = () => appliance.resource('site-record', 'far.example.org/A')
  await until('the record is on its way', async () => (await far())?.message.includes('ns2.example.org') === true)
  expect(await far()).toMatchObject({
    ...{ state: 'reconciling', reason: 'propagating', message: 'waits for ns2.example.org, which does not answer' },
  })
  expect(await lonely.ask('far.example.org', 'A')).toEqual(['203.0.113.9'])
  await until('another zone goes on', async () => (await bind.ask('mail.example.net', 'A'))[0] === '203.0.113.26')
  expect((await appliance.visit('far.example.org')).status).toBe(200)
  expect((await appliance.status()).converged).toBe(false)
  await lonely.byHand('update delete example.org. NS ns2.example.org.')
  const { revision } = await clone.deliver({ 'README.md': 'another reason to look\n' })
  await appliance.converged(revision)
  expect((await push.done()).shown).toContain('a newer commit took over')
})

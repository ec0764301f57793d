import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { type Bind, startBind } from '../reconcilers/dns/testing/bind.ts'
import { type CloudflareServer, startCloudflare } from '../reconcilers/dns/testing/cloudflare.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { killAtEveryStep, killable } from './support/kill-at-steps.ts'
import { expectSound } from './support/soundness.ts'
import { withoutAgents } from './support/without-agents.ts'

setDefaultTimeout(300_000)

let appliance: Appliance
let bind: Bind
let cloudflare: CloudflareServer

beforeAll(async () => {
  bind = await startBind(['example.net'])
  cloudflare = startCloudflare(['example.com'])
  cloudflare.statusOfNew = 'active'
  appliance = await createAppliance()
}, 60_000)
afterAll(async () => {
  await appliance?.[Symbol.asyncDispose]()
  await bind?.[Symbol.asyncDispose]()
  await cloudflare?.[Symbol.asyncDispose]()
}, 60_000)

const kinds = ['dns-record', 'site-record', 'cloudflare-setting']

/** In each round records, a rule, a route and a site come, go and change at two providers, and one zone more is made. */
const dnsYaml = (round: number) => `providers:
  cloud: { type: cloudflare, token: "secret:CLOUDFLARE_TOKEN", account_id: ${cloudflare.accountId} }
  home: { type: rfc2136, server: 127.0.0.1, port: ${bind.port}, key: ai-infra, secret: "secret:DNS_KEY" }
zones:
  example.com:
    provider: cloud
    records: { ${recordsOf(round)} }
    cloudflare:
      ssl: ${round % 2 === 0 ? 'full' : 'strict'}
${['always_use_https', 'http3', 'tls_1_3', 'brotli', 'websockets', 'ipv6'].map(name => `      ${name}: true\n`).join('')}      waf: { a${round}: { when: (http.host eq "a${round}") } }
      workers_routes: { "example.com/${round}/*": api }
  example.net: { provider: home, records: { ${recordsOf(round)} } }
${Array.from({ length: round + 1 }, (_, made) => `  made${made}.example.org: { provider: cloud, create: true, sites: false }\n`).join('')}`
/** So many that two changes of a zone need no approval. */
const kept = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
const recordsOf = (round: number) =>
  `${kept.map(name => `${name}: { A: 203.0.113.1 }, `).join('')}changed: { A: 203.0.113.${round + 2} }, new${round}: { TXT: "round ${round}" }`
const domainsYaml = (round: number) =>
  `domains:\n  keep.example.net: { root: keep }\n  site.example.com: { root: site }\n  site${round}.example.net: { root: site${round} }\n`

test('kill -9 of the runtime at every step of a change of DNS loses nothing and doubles nothing, at any provider', async () => {
  const env = {
    ...{ AI_INFRA_SECRET_DNS_KEY: bind.secret, AI_INFRA_SECRET_CLOUDFLARE_TOKEN: cloudflare.token },
    CLOUDFLARE_BASE_URL: cloudflare.url,
  }
  const files = (round: number) => ({ 'dns.yaml': dnsYaml(round), 'domains.yaml': domainsYaml(round) })
  await appliance.start(killable(kinds, env))
  const clone = await appliance.clone()
  await withoutAgents(appliance, clone, { ...files(0), 'settings.yaml': 'public_addresses: [203.0.113.9]\n' })
  const steps = await killAtEveryStep({
    ...{ appliance, clone, kinds, env },
    change: round => clone.write(files(round)),
    async check(round, { revision }) {
      expect((await appliance.status()).revision).toBe(revision)
      expect(atCloudflare()).toEqual(
        [
          ...kept.map(name => `${name} A 203.0.113.1`),
          ...[`changed A 203.0.113.${round + 2}`, `new${round} TXT "round ${round}"`, 'site A 203.0.113.9'],
        ].toSorted(),
      )
      expect(await atBind()).toEqual(
        [
          'ns1 A',
          ...[...kept, 'keep', `site${round}`, 'changed'].map(name => `${name} A`).flatMap(set => [set, markOf(set)]),
          ...[`new${round} TXT`, markOf(`new${round} TXT`)],
        ].toSorted(),
      )
      expect(await bind.ask('changed.example.net', 'A')).toEqual([`203.0.113.${round + 2}`])
      const { rulesets, routes, settings } = cloudflare.zone('example.com').settings
      expect(rulesets.get('http_request_firewall_custom')?.rules).toMatchObject([{ expression: `(http.host eq "a${round}")` }])
      expect([...routes.values()]).toMatchObject([{ pattern: `example.com/${round}/*` }])
      expect(settings.get('ssl')).toBe(round % 2 === 0 ? 'full' : 'strict')
      expect(cloudflare.zone(`made${round}.example.org`).records.list()).toEqual([])
      for (const [kind, key] of runsOf) {
        const outcomes = (await appliance.runs(kind, key)).map(({ outcome }) => outcome)
        expect(outcomes).toContain('verified')
        expect(outcomes.filter(outcome => !['verified', 'interrupted'].includes(outcome))).toEqual([])
      }
      await expectSound(appliance, [])
    },
  })
  expect(steps[0]).toEndWith(' begin')
  expect(new Set(steps.map(step => step.replace(/ #\d+$/, '')))).toEqual(
    new Set([
      ...[steps[0] ?? '', 'dns-record zone-made'],
      ...['dns-record', 'site-record'].flatMap(kind => ['snapshot', 'sent', 'changed'].map(step => `${kind} ${step}`)),
      ...['kept', 'sent', 'changed'].map(step => `cloudflare-setting ${step}`),
    ]),
  )
})

const runsOf = [
  ['dns-record', 'changed.example.com/A'],
  ['dns-record', 'changed.example.net/A'],
  ['cloudflare-setting', 'example.com/ssl'],
] as const

const atCloudflare = () =>
  cloudflare
    .zone('example.com')
    .records.list()
    .map(({ name, type, content }) => `${name.replace('.example.com', '')} ${type} ${content}`)
    .toSorted()

/** Sets below the zone, `name TYPE`, with the marks of ours among them. */
async function atBind(): Promise<readonly string[]> {
  const answer = await bind.transfer('example.net')
  const found = [...answer.matchAll(/^(\S+)\.example\.net\.\s+\d+\s+IN\s+(\S+)/gm)]
  return [...new Set(found.map(([, name, type]) => `${name} ${type}`))].toSorted()
}

const markOf = (set: string) => {
  const [name = '', type = ''] = set.split(' ')
  return `_ai-infra-${type.toLowerCase()}.${name} TXT`
}

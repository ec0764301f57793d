import { expect, test } from 'bun:test'
import { parseTree } from '../../../desired-state/parse.ts'
import type { DesiredState } from '../../../desired-state/state.ts'
import type { ResourceState, ResourceStatus } from '../../../reconcilers/engine/status.ts'
import { compact, size } from '../components/amount.ts'
import { house } from '../testing/house.ts'
import { standingsOf } from './standing.ts'

const files = {
  'domains.yaml': `domains:
  shop.example.com: { root: shop, aliases: [www.shop.example.com], tls: acme }
  far.example.net: { root: far }
`,
  'dns.yaml': `providers:
  home: { type: rfc2136, server: ns1.example.com, key: k, secret: "secret:DNS_KEY" }
zones:
  example.com: { provider: home }
`,
}

function stateOf(): DesiredState {
  const result = parseTree(
    Object.entries(files).map(([path, text]) => ({ path, mode: '100644', bytes: new TextEncoder().encode(text) })),
    '',
  )
  if (!result.ok) throw new Error(JSON.stringify(result.mistakes))
  return result.state
}

const status = (kind: string, key: string, state: ResourceState = 'ready', message = ''): ResourceStatus => ({
  ...{ kind, key, state, message, reason: '', revision: 'x', since: '2026-11-28T12:00:00Z' },
})

const resources = [
  status('site', 'shop.example.com'),
  status('certificate', 'shop.example.com', 'waiting', 'port 80 is closed'),
  status('site-record', 'shop.example.com/A'),
  status('site-record', 'www.shop.example.com/A', 'stalled', 'foreign'),
  status('dns-record', 'shop.example.com/TXT', 'failed', 'of no concern to visitors'),
]

test('a domain stands with its certificate, its worst record and the visits of all its names', () => {
  const visits = new Map([
    ['shop.example.com', { requests: 5, bytes: 100, errors: 1 }],
    ['www.shop.example.com', { requests: 2, bytes: 10, errors: 0 }],
    ['somebody.example.org', { requests: 9, bytes: 9, errors: 9 }],
  ])
  const served = { issuer: "Let's Encrypt", self_signed: false, ends: '2027-01-01T00:00:00Z', days_left: 34 }
  const certificates = new Map([['shop.example.com', served]])
  const [shop, far] = standingsOf({ state: stateOf(), resources, certificates, visits })
  expect(shop).toMatchObject({
    site: { state: 'ready' },
    certificate: { status: { state: 'waiting' }, served: { days_left: 34 } },
    dns: { zone: 'example.com', worst: { key: 'www.shop.example.com/A', state: 'stalled' } },
    visits: { requests: 7, bytes: 110, errors: 1 },
  })
  expect(far).toMatchObject({ site: undefined, dns: { zone: undefined, worst: undefined }, visits: { requests: 0 } })
})

test('the page shows what is in the way of visitors, and where to read on', async () => {
  const { repository, engine, visits, get } = house()
  repository.add({ revision: 'a'.repeat(40) }, files, '')
  for (const each of resources) engine.put(each)
  visits.set('shop.example.com', { requests: 48_213, bytes: 3 * 1024 ** 2, errors: 12 })
  const html = await (await get('/domains')).text()
  expect(html).toContain('href="/resources/certificate/shop.example.com" title="port 80 is closed"')
  expect(html).toContain('title="foreign"')
  expect(html).toContain('48213 requests, 3.0 MiB sent, 12 answered with an error of the server')
  expect(html).toContain('elsewhere')
})

test('a page that is open shows a certificate when it comes, and a domain that is declared meanwhile', async () => {
  const { repository, engine, get } = house()
  repository.add({ revision: 'a'.repeat(40) }, {}, '')
  expect(await (await get('/domains')).text()).toContain('No domain is declared')
  const reader = (await get('/live/domains')).body?.pipeThrough(new TextDecoderStream()).getReader()
  let sent = ''
  const until = async (wanted: string) => {
    sent = ''
    while (!sent.includes(wanted)) sent += (await reader?.read())?.value ?? ''
  }
  await until('No domain is declared')
  repository.add({ revision: 'b'.repeat(40) }, files, '')
  for (const each of resources) engine.put(each)
  await until('port 80 is closed')
  expect(sent).toContain('hx-target="#domains" hx-swap="beforeend"')
  expect(sent).not.toContain('No domain is declared')
  for (const each of resources.filter(({ kind }) => kind === 'certificate')) engine.put({ ...each, state: 'ready', message: '' })
  await until('s-ready')
  await reader?.cancel()
  expect(sent).not.toContain('port 80 is closed')
})

test('amounts are short', () => {
  expect([7, 999, 1_234, 48_525, 2_000_000].map(compact)).toEqual(['7', '999', '1.23K', '48.5K', '2M'])
  expect([0, 12, 1_023, 3_500, 120 * 1024 ** 3].map(size)).toEqual(['0 B', '12 B', '1023 B', '3.4 KiB', '120 GiB'])
})

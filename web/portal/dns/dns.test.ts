import { expect, test } from 'bun:test'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { fakeDns } from '../testing/fake-dns.ts'
import { house } from '../testing/house.ts'

const zone = {
  ...{ zone: 'example.com', provider: 'cloud', type: 'cloudflare' as const, records: 2, settings: 1, state: 'stalled' },
  problems: ['mail.example.com/A is stalled: <script>alert(1)</script>'],
}
const entries = [
  {
    kind: 'site-record' as const,
    key: 'shop.example.com/A',
    values: ['203.0.113.9'],
    proxied: true,
    state: 'ready',
    message: '',
  },
]
const day = { date: '2026-11-28', requests: 1_234, cached_requests: 400, bytes: 5_242_880, threats: 7, visitors: 42 }
const rooms = (traffic: () => Promise<readonly (typeof day)[]>) =>
  house({ dns: fakeDns({ zones: () => [zone], records: name => (name === 'example.com' ? entries : undefined), traffic }) })

test('zones stand with their provider, how they stand and what is not ready, and nothing in them becomes markup', async () => {
  const page = await (await rooms(async () => []).get('/dns')).text()
  expect(page).toContain('href="/dns/example.com"')
  expect(page).toContain('Cloudflare (cloud)')
  expect(page).toContain('mail.example.com/A is stalled')
  expect(page).not.toContain('<script>alert')
})

test('a zone shows what is kept in it, and what Cloudflare counts: requests, threats, visitors', async () => {
  const page = await (await rooms(async () => [day]).get('/dns/example.com')).text()
  for (const text of ['shop.example.com/A', '203.0.113.9 (through Cloudflare)', '1.23K', '5.0 MiB', '>7<', '>42<'])
    expect(page).toContain(text)
})

test('without numbers of Cloudflare the page says why and shows the rest; a zone that is not there is 404', async () => {
  const refuse = async () => {
    throw new ApplianceError('stalled', 'Cloudflare does not let providers.cloud do this')
  }
  const answer = await rooms(refuse).get('/dns/example.com')
  expect(answer.status).toBe(200)
  expect(await answer.text()).toContain('There are no numbers just now: Cloudflare does not let providers.cloud do this')
  expect((await rooms(refuse).get('/dns/example.org')).status).toBe(404)
})

test('an open page follows its zones and their records, and one of a zone that is not there has no stream', async () => {
  let message = 'waits for ns2.example.com'
  const records = (name: string) =>
    name === 'example.com' ? entries.map(entry => ({ ...entry, message, state: 'reconciling' })) : undefined
  const home = house({ dns: fakeDns({ zones: () => [{ ...zone, type: 'rfc2136' }], records }) })
  const reader = (await home.get('/live/dns/example.com')).body?.pipeThrough(new TextDecoderStream()).getReader()
  let sent = ''
  const until = async (wanted: string) => {
    while (!sent.includes(wanted)) sent += (await reader?.read())?.value ?? ''
  }
  await until('waits for ns2.example.com')
  message = '203.0.113.9'
  home.engine.put({
    kind: 'site-record',
    key: 'shop.example.com/A',
    state: 'ready',
    reason: '',
    message,
    revision: '',
    since: '',
  })
  await until('203.0.113.9')
  await reader?.cancel()
  expect((await home.get('/live/dns/example.org')).status).toBe(404)
})

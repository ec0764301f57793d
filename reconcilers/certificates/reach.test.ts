import { expect, test } from 'bun:test'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { certificatesOf } from './item.ts'
import { needReach, needRecords } from './reach.ts'

const zone =
  'providers:\n  home: { type: rfc2136, server: ns1.example.com, key: k, secret: "secret:DNS_KEY" }\nzones:\n  example.com: { provider: home, records: { told: { A: 203.0.113.9 } } }\n'

/** What is said before a domain's authority is asked; nothing where it is. */
async function said(
  domain: string,
  settings: string,
  addresses: Readonly<Record<string, readonly string[]>>,
  own: readonly string[],
) {
  const state = stateOf({ 'domains.yaml': `domains:\n  ${domain}\n`, 'dns.yaml': zone, 'settings.yaml': settings })
  const [item] = certificatesOf(state).values()
  if (item === undefined) throw new Error('nothing is declared')
  return needReach({ resolve: async name => addresses[name] ?? [], own }, item).then(
    () => '',
    error => `${error.kind}: ${error.message}`,
  )
}

const elsewhere = 'shop.example.org: { root: shop, tls: acme, aliases: [www.example.org] }'
const ours = 'shop.example.com: { root: shop, tls: acme }'
const both = { 'shop.example.org': ['203.0.113.10'], 'www.example.org': ['203.0.113.10'] }

test('Let’s Encrypt is not asked for a name that leads nowhere, or to a private address', async () => {
  expect(await said(elsewhere, '', both, [])).toBe('')
  expect(await said(elsewhere, '', { 'shop.example.org': ['203.0.113.10'] }, [])).toBe(
    'waiting: www.example.org has no address in DNS, so acme-v02.api.letsencrypt.org is not asked',
  )
  expect(await said(elsewhere, '', { ...both, 'shop.example.org': ['10.0.0.5', 'fd00::5'] }, [])).toBe(
    'waiting: shop.example.org leads to 10.0.0.5, fd00::5, where acme-v02.api.letsencrypt.org cannot reach it, so it is not asked',
  )
  expect(await said(elsewhere, '', { ...both, 'shop.example.org': ['10.0.0.5', '203.0.113.10'] }, [])).toBe('')
})

test('a machine with private addresses only waits with words, unless it says what the world reaches it by', async () => {
  expect(await said(ours, '', {}, [])).toBe(
    'waiting: this machine has no public address that shop.example.com could lead to, so acme-v02.api.letsencrypt.org is not asked',
  )
  expect(await said(ours, '', {}, ['203.0.113.10'])).toBe('')
  for (const domain of [ours, elsewhere]) expect(await said(domain, 'public_addresses: [203.0.113.10]\n', {}, [])).toBe('')
  expect(await said('told.example.com: { root: a, tls: acme }', '', {}, [])).toBe('')
})

test('in DNS, and to an authority of one’s own, nothing of this matters', async () => {
  expect(await said('shop.example.com: { root: shop, tls: acme, challenge: dns }', '', {}, [])).toBe('')
  expect(await said(elsewhere, 'certificate_issuer: https://ca.example.com/acme\n', {}, [])).toBe('')
})

test('a record of ours that is not there is named, unless the name leads somewhere without it', async () => {
  const settings = 'certificate_issuer: https://ca.example.com/directory\n'
  const [item] = certificatesOf(stateOf({ 'domains.yaml': `domains:\n  ${ours}\n`, 'settings.yaml': settings })).values()
  if (item === undefined) throw new Error('nothing is declared')
  const recordLacks = () => 'the server of the zone does not answer'
  await expect(needRecords({ resolve: async () => [], recordLacks }, item)).rejects.toMatchObject({
    kind: 'waiting',
    message:
      'the record of shop.example.com is not there, so ca.example.com is not asked: the server of the zone does not answer',
  })
  await needRecords({ resolve: async () => ['203.0.113.10'], recordLacks }, item)
  await needRecords({ resolve: async () => [], recordLacks: () => undefined }, item)
})

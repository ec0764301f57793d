import { expect, test } from 'bun:test'
import { namesIn, refusal } from './refusal.ts'

const directory = 'https://acme.example.com/directory'
const said = (printed: string) => refusal({ directory }, printed, new Date('2026-01-01')).message

test.each([
  [
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='acme.example.com', port=443): Max retries exceeded with url: /directory (Caused by NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7ff25c97f490>: Failed to establish a new connection: [Errno -2] Name or service not known'))",
    'Name or service not known',
  ],
  [
    "requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='acme.example.com', port=443): Max retries exceeded with url: /directory (Caused by ConnectTimeoutError(<urllib3.connection.HTTPSConnection object at 0x7f>, 'Connection to acme.example.com timed out. (connect timeout=45)'))",
    'Connection to acme.example.com timed out. (connect timeout=45)',
  ],
  [
    "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='acme.example.com', port=443): Read timed out. (read timeout=45)",
    'Read timed out. (read timeout=45)',
  ],
  [
    'Detail: 203.0.113.9: Invalid response from http://x.example.com: 404',
    '203.0.113.9: Invalid response from http://x.example.com: 404',
  ],
])('the reason is told without what Python wraps around it: %#', (printed, words) => {
  expect(said(printed)).toBe(`acme.example.com gave no certificate: ${words}`)
})

test('what an authority puts into its words moves no cursor, and can be kept', () => {
  expect(said('Detail: no\0 \u001b[2Jthanks')).toBe('acme.example.com gave no certificate: no\\u0000 \\u001b[2Jthanks')
})

const limited = (detail: string) => refusal({ directory }, `Problem: rateLimited: ${detail}\n`, new Date('2026-01-01T00:00:00Z'))

test('a limit of the account holds until the time that is told, or for an hour', () => {
  const orders = 'Error creating new order :: too many new orders (300) from this account in the last 3h0m0s'
  expect(limited(`${orders}, retry after 2026-01-01 00:00:36 UTC: see https://letsencrypt.org/docs/rate-limits/`)).toMatchObject({
    ...{ scope: 'account', notBefore: new Date('2026-01-01T00:00:36Z') },
  })
  for (const words of [
    orders,
    'Error creating new account :: too many new registrations (10) from this IP address in the last 3h0m0s',
    'Error creating new account :: too many new registrations (500) from this /48 subnet of IPv6 addresses in the last 3h0m0s',
    'Error creating new order :: too many new orders recently: see https://letsencrypt.org/docs/rate-limits/',
  ]) {
    expect([words, limited(words).scope, limited(words).notBefore]).toEqual([words, 'account', new Date('2026-01-01T01:00:00Z')])
  }
})

test('a limit of names, or one whose words say of nobody whom it concerns, stays with the host that asked', () => {
  for (const words of [
    'Error creating new order :: too many certificates (5) already issued for this exact set of domains in the last 168h0m0s, retry after 2026-01-02 00:00:00 UTC',
    'too many certificates already issued for exact set of domains: a.example.com: see https://letsencrypt.org/docs/rate-limits/',
    'too many certificates (50) already issued for "example.com" in the last 168h0m0s, retry after 2026-01-02 00:00:00 UTC',
    'too many failed authorizations (5) for "shop.example.com" in the last 1h0m0s, retry after 2026-01-01 00:12:00 UTC',
    'too many failed authorizations recently: see https://letsencrypt.org/docs/failed-validation-limit/',
    'Your account is temporarily prevented from requesting certificates for shop.example.com',
    'Service busy; retry later.',
  ]) {
    expect([words, limited(words).scope]).toEqual([words, undefined])
  }
  // Not a limit at all.
  expect(refusal({ directory }, 'Problem: malformed: too many new orders\n', new Date()).scope).toBeUndefined()
})

test('the names that an authority refuses are told apart from those that it only speaks of', () => {
  const printed =
    '  Domain: late.example.com\n  Type: dns\n  Detail: late.example.com is an alias of www.example.com, which has no address\n'
  expect(refusal({ directory }, printed, new Date()).names).toEqual(['late.example.com'])
  expect(
    namesIn('the zone has no _acme-challenge.www.example.com. yet', ['example.com', 'www.example.com', '*.www.example.com']),
  ).toEqual(['www.example.com', '*.www.example.com'])
})

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

test('the names that an authority refuses are told apart from those that it only speaks of', () => {
  const printed =
    '  Domain: late.example.com\n  Type: dns\n  Detail: late.example.com is an alias of www.example.com, which has no address\n'
  expect(refusal({ directory }, printed, new Date()).names).toEqual(['late.example.com'])
  expect(
    namesIn('the zone has no _acme-challenge.www.example.com. yet', ['example.com', 'www.example.com', '*.www.example.com']),
  ).toEqual(['www.example.com', '*.www.example.com'])
})

import { expect, test } from 'bun:test'
import type { DnsProvider } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { DnsItem, RecordItem } from './item.ts'
import { planRecords } from './plan.ts'
import { type FoundSet, setKey, type ZoneContent } from './provider.ts'

const provider: DnsProvider = {
  ...{ name: 'home', type: 'rfc2136', server: 'ns1.example.com', port: 53, key: 'k', algorithm: 'hmac-sha256' },
  secret: 'secret:DNS_KEY',
}
const zone = 'example.com'
const set = (name: string, ...values: readonly string[]): FoundSet => ({ name, type: 'A', ttl: 300, values })
const item = (found: FoundSet): RecordItem => ({ ...found, zone, provider })
const desiredOf = (...sets: readonly FoundSet[]) =>
  new Map<string, DnsItem>([
    [zone, { type: 'zone', zone, provider, create: false }],
    ...sets.map(one => [setKey(one), item(one)] as const),
  ])
const plan = (wanted: readonly FoundSet[], there: readonly FoundSet[], ours: readonly FoundSet[]) => {
  const content: ZoneContent = { sets: new Map(there.map(one => [setKey(one), one])), ours: new Set(ours.map(setKey)) }
  return planRecords('dns-record', desiredOf(...wanted), [{ zone, provider, content }])
}

test('what is missing is made, what differs is changed as long as it is ours, what is ours and not declared goes', () => {
  const [a, b, c] = [
    set('a.example.com', '203.0.113.1'),
    set('b.example.com', '203.0.113.2'),
    set('c.example.com', '203.0.113.3'),
  ]
  const changed = { ...b, ttl: 60 }
  const { changes, obstacles } = plan([a, changed], [b, c], [b, c])
  expect(changes.map(({ operation, key, fields }) => [operation, key, fields.map(({ name }) => name)])).toEqual([
    ['delete', 'c.example.com/A', ['values', 'ttl']],
    ['create', 'a.example.com/A', ['values', 'ttl']],
    ['update', 'b.example.com/A', ['ttl']],
  ])
  expect(obstacles).toEqual([])
})

test('records of others stay, and one that says something else is in the way', () => {
  const [wanted, theirs, other] = [
    set('a.example.com', '203.0.113.1'),
    set('a.example.com', '203.0.113.9'),
    set('b.example.com', '203.0.113.2'),
  ]
  const { changes, obstacles } = plan([wanted], [theirs, other], [])
  expect(changes).toEqual([])
  expect(obstacles).toMatchObject([{ key: 'a.example.com/A', state: 'stalled', reason: 'foreign' }])
  expect(plan([wanted], [wanted], [])).toMatchObject({ changes: [], obstacles: [] })
})

test('a zone that cannot be read keeps all of its records waiting, in the words of the server', () => {
  const content = new ApplianceError('stalled', 'ns1.example.com:53 does not accept the TSIG key k', { hint: 'compare it' })
  const { changes, obstacles } = planRecords('dns-record', desiredOf(set('a.example.com', '203.0.113.1')), [
    { zone, provider, content },
  ])
  expect(changes).toEqual([])
  const words = {
    state: 'stalled',
    reason: 'dns-server',
    message: 'ns1.example.com:53 does not accept the TSIG key k: compare it',
  } as const
  expect(obstacles).toEqual([
    { key: 'a.example.com/A', ...words },
    { key: 'example.com', ...words },
  ])
})

test('without a public address the names of sites wait and say where to write one', () => {
  const { changes, obstacles } = plan([set('shop.example.com')], [], [])
  expect(changes).toEqual([])
  expect(obstacles).toMatchObject([{ key: 'shop.example.com/A', state: 'waiting', reason: 'no-public-address' }])
})

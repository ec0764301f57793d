import { expect, test } from 'bun:test'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { siteRecords } from './item.ts'

const provider = 'providers:\n  home: { type: rfc2136, server: 127.0.0.1, key: k, secret: "secret:DNS_KEY" }\n'
const records = (dns: string, domains: string, settings = '', own: readonly string[] = ['203.0.113.9', '2001:db8::9']) => {
  const state = stateOf({ 'dns.yaml': provider + dns, 'domains.yaml': domains, 'settings.yaml': settings })
  return [...siteRecords(state, own).values()].flatMap(item =>
    item.type === 'zone' ? [] : [`${item.name} ${item.ttl} ${item.type} ${item.values.join(' ')}`],
  )
}
const domains =
  'domains:\n  shop.example.com: { root: shop, aliases: [www.shop.example.com] }\n  other.example.net: { root: other }\n'

test('each name of a site in a zone leads to this machine, over IPv4 and IPv6; names of other zones are left alone', () => {
  expect(records('zones:\n  example.com: { provider: home, ttl: 60 }\n', domains)).toEqual([
    'shop.example.com 60 A 203.0.113.9',
    'shop.example.com 60 AAAA 2001:db8::9',
    'www.shop.example.com 60 A 203.0.113.9',
    'www.shop.example.com 60 AAAA 2001:db8::9',
  ])
})

test('addresses of the settings take the place of the machine’s', () => {
  expect(records('zones:\n  example.com: { provider: home }\n', domains, 'public_addresses: [198.51.100.7]\n')).toEqual([
    'shop.example.com 300 A 198.51.100.7',
    'www.shop.example.com 300 A 198.51.100.7',
  ])
})

test('a name that the zone speaks of itself is left to it, and a zone may want no names of sites at all', () => {
  const zone = 'zones:\n  example.com: { provider: home, records: { shop: { CNAME: cdn.example.net } } }\n'
  expect(records(zone, domains, '', ['203.0.113.9'])).toEqual(['www.shop.example.com 300 A 203.0.113.9'])
  expect(records('zones:\n  example.com: { provider: home, sites: false }\n', domains)).toEqual([])
})

test('without any address the name is there, and has nothing to say', () => {
  expect(records('zones:\n  example.com: { provider: home }\n', domains, '', [])).toEqual([
    'shop.example.com 300 A ',
    'www.shop.example.com 300 A ',
  ])
})

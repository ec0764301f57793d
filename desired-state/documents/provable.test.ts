import { describe, expect, test } from 'bun:test'
import { mistakesIn, stateOf } from '../testing/tree.ts'

const dns = (records = '', more = '') =>
  `providers:\n  home: { type: rfc2136, server: ns1.example.com, key: k, secret: "secret:DNS_KEY" }\nzones:\n  example.com: { provider: home${more}, records: {${records}} }\n`
const mistakes = (domain: string, files: Readonly<Record<string, string>> = { 'dns.yaml': dns() }) =>
  mistakesIn({ 'domains.yaml': `domains:\n  ${domain}\n`, ...files })

describe('a name with a star', () => {
  test('is proven in DNS without a word about it, and a name without one over HTTP', () => {
    const state = stateOf({
      'dns.yaml': dns(),
      'domains.yaml':
        'domains:\n  "*.example.com": { root: a, tls: acme }\n  b.example.com: { root: b, tls: acme }\n  c.example.com: { root: c, tls: acme, challenge: dns }\n  "*.example.org": { root: d }\n',
    })
    expect([...state.domains.values()].map(({ challenge }) => challenge)).toEqual(['dns', undefined, 'dns', undefined])
  })

  test('with challenge: http is refused', () => {
    expect(mistakes('"*.example.com": { root: a, tls: acme, challenge: http }')).toEqual([
      'domains.yaml:2:53: *.example.com has a star, and authorities give such a certificate over DNS only: write challenge: dns',
    ])
    expect(mistakes('a.example.com: { root: a, aliases: ["*.a.example.com"], tls: acme, challenge: http }')).toEqual([
      expect.stringContaining('*.a.example.com has a star'),
    ])
  })

  test('without its zone is refused, as is a name whose zone is missing', () => {
    expect(mistakes('"*.example.org": { root: a, tls: acme }')).toEqual([
      'domains.yaml:2:3: the certificate for *.example.org is proven in DNS, and no zone of dns.yaml holds it: declare its zone there',
    ])
    expect(mistakes('a.example.com: { root: a, aliases: [a.example.org], tls: acme, challenge: dns }')).toEqual([
      'domains.yaml:2:3: the certificate for a.example.org is proven in DNS, and no zone of dns.yaml holds it: declare its zone there, or write challenge: http',
    ])
  })

  test('is no name for the portal', () => {
    expect(mistakes('"*.example.com": { portal: true, tls: self-signed }')).toEqual([
      'domains.yaml:2:3: the portal has names of its own, and *.example.com stands for many: write them out',
    ])
  })

  test('that a redirect leads back into is told', () => {
    expect(mistakes('"*.example.com": { redirect: "https://www.example.com/" }')).toEqual([
      'domains.yaml:2:32: *.example.com redirects to itself: write another target',
    ])
  })
})

test('challenge and hsts without an authority are refused', () => {
  expect(mistakes('a.example.com: { root: a, challenge: dns }')).toEqual([
    'domains.yaml:2:29: challenge goes with tls: acme, and this domain has tls: none: remove it',
  ])
  expect(mistakes('a.example.com: { root: a, tls: self-signed, hsts: true }')).toEqual([
    'domains.yaml:2:47: hsts goes with tls: acme, and this domain has tls: self-signed: remove it',
  ])
})

describe('an address that Let’s Encrypt cannot reach', () => {
  const letsEncrypt = 'a.example.com: { root: a, tls: acme }'
  const refused = (address: string, where: string) => [
    `domains.yaml:2:3: a.example.com leads to ${address} (${where}), where letsencrypt cannot reach it: write challenge: dns, or an address of the internet`,
  ]

  test('in a record of the name, or among the addresses of the server, is refused', () => {
    for (const address of ['10.0.0.5', '192.168.1.2', '127.0.0.1', '169.254.1.1', '100.64.0.1'])
      expect(mistakes(letsEncrypt, { 'dns.yaml': dns(`a: { A: ${address} }`) })).toEqual(refused(address, 'dns.yaml'))
    for (const address of ['fd00::1', '::1', 'fe80::1'])
      expect(mistakes(letsEncrypt, { 'dns.yaml': dns(`a: { AAAA: "${address}" }`) })).toEqual(refused(address, 'dns.yaml'))
    const settings = 'public_addresses: [10.1.2.3]\n'
    expect(mistakes(letsEncrypt, { 'dns.yaml': dns(), 'settings.yaml': settings })).toEqual(
      refused('10.1.2.3', 'public_addresses of settings.yaml'),
    )
  })

  test('is fine where it is proven in DNS, where the authority is one of our own, and where the zone is not ours', () => {
    const inner = dns('a: { A: 10.0.0.5 }')
    expect(mistakes('a.example.com: { root: a, tls: acme, challenge: dns }', { 'dns.yaml': inner })).toEqual([])
    const own = 'certificate_issuer: https://ca.example.com/acme/directory\n'
    expect(mistakes(letsEncrypt, { 'dns.yaml': inner, 'settings.yaml': own })).toEqual([])
    const elsewhere = 'a.example.org: { root: a, tls: acme }'
    expect(mistakes(elsewhere, { 'dns.yaml': inner, 'settings.yaml': 'public_addresses: [10.1.2.3]\n' })).toEqual([])
    expect(
      mistakes(letsEncrypt, { 'dns.yaml': dns('', ', sites: false'), 'settings.yaml': 'public_addresses: [10.1.2.3]\n' }),
    ).toEqual([])
  })
})

describe('hsts', () => {
  const hsts = (value: string) =>
    stateOf({ 'domains.yaml': `domains:\n  a.example.com: { root: a, tls: acme, hsts: ${value} }\n` }).domains.get(
      'a.example.com',
    )?.hsts

  test('is a year, or what it says', () => {
    expect(hsts('true')).toEqual({ seconds: 31_536_000, subdomains: false, preload: false })
    expect(hsts('{ max_age_seconds: 0 }')).toEqual({ seconds: 0, subdomains: false, preload: false })
    expect(hsts('{ include_subdomains: true, preload: true }')).toEqual({ seconds: 31_536_000, subdomains: true, preload: true })
  })

  test('that browsers’ list would not take, or that says nothing, is refused', () => {
    const at = (value: string) => mistakes(`a.example.com: { root: a, tls: acme, hsts: ${value} }`)
    for (const value of ['{ preload: true }', '{ preload: true, include_subdomains: true, max_age_seconds: 86400 }'])
      expect(at(value)).toEqual([
        expect.stringContaining('preload needs include_subdomains: true, and max_age_seconds of at least 31536000'),
      ])
    for (const value of ['false', '5', 'yes', '{ max_age: 5 }', '{ max_age_seconds: -1 }', '{ max_age_seconds: 1e12 }'])
      expect(at(value)).toEqual([expect.stringMatching(/^domains\.yaml:2:\d+: .*/)])
  })

  test('for all names below is refused where one of them would not be opened any more', () => {
    const above = 'example.com: { root: a, tls: acme, hsts: { include_subdomains: true } }'
    expect(mistakes(`${above}\n  b.example.com: { root: b, tls: acme }\n  c.example.org: { root: c }`)).toEqual([])
    expect(mistakes(`${above}\n  deep.b.example.com: { root: b }`)).toEqual([
      'domains.yaml:3:3: deep.b.example.com has tls: none, and browsers would not open it any more because of hsts of example.com: give it tls: acme, or take include_subdomains out there',
    ])
    expect(mistakes(`${above}\n  b.example.com: { root: b, tls: self-signed }`)).toHaveLength(1)
    const taken = 'example.com: { root: a, tls: acme, hsts: { include_subdomains: true, max_age_seconds: 0 } }'
    expect(mistakes(`${taken}\n  b.example.com: { root: b }`)).toEqual([])
  })
})

import { expect, test } from 'bun:test'
import { renderMistake } from '../state.ts'
import { readYaml } from '../yaml.ts'
import { parseDns, zoneOf } from './dns.ts'

const parse = (text: string) => {
  const read = readYaml('dns.yaml', new TextEncoder().encode(text))
  if ('mistakes' in read) throw new Error(read.mistakes.map(renderMistake).join('\n'))
  return parseDns(read.source)
}
const provider = 'providers:\n  home: { type: rfc2136, server: 127.0.0.1, key: ai-infra, secret: "secret:DNS_KEY" }\n'
const zone = (...records: readonly string[]) =>
  parse(`${provider}zones:\n  example.com:\n    provider: home\n    records:\n${records.map(line => `      ${line}\n`).join('')}`)
const mistakes = (...records: readonly string[]) => zone(...records).mistakes.map(renderMistake)

test('records stand by name and type, in the form in which servers give them back', () => {
  const { zones, mistakes } = zone(
    '"@": { A: 203.0.113.9, MX: ["10 Mail.example.com.", "20 backup.example.net"], TXT: "v=spf1 mx -all" }',
    'www: { CNAME: example.com }',
    '"*.shop": { AAAA: { values: ["2001:0DB8:0::1"], ttl: 60 } }',
    '_sip._tcp: { SRV: "10 60 5060 sip.example.com" }',
    'mail.example.com.: { CAA: "0 issue letsencrypt.org" }',
  )
  expect(mistakes).toEqual([])
  expect(zones.get('example.com')?.records.map(({ name, type, ttl, values }) => [name, type, ttl, ...values])).toEqual([
    ['example.com', 'A', 300, '203.0.113.9'],
    ['example.com', 'MX', 300, '10 mail.example.com', '20 backup.example.net'],
    ['example.com', 'TXT', 300, 'v=spf1 mx -all'],
    ['www.example.com', 'CNAME', 300, 'example.com'],
    ['*.shop.example.com', 'AAAA', 60, '2001:db8::1'],
    ['_sip._tcp.example.com', 'SRV', 300, '10 60 5060 sip.example.com'],
    ['mail.example.com', 'CAA', 300, '0 issue "letsencrypt.org"'],
  ])
})

test('what DNS does not allow is refused with its place, and all of it at once', () => {
  expect(
    mistakes(
      '"@": { CNAME: other.example.net, NS: ns1.example.net }',
      'www: { CNAME: example.com, TXT: "x" }',
      'www.example.net.: { A: 203.0.113.9 }',
      `long: { TXT: "${'x'.repeat(2_001)}" }`,
      'two: { CNAME: [a.example.com, b.example.com] }',
      'six: { A: "::1", AAAA: "1.2.3.4" }',
    ),
  ).toEqual([
    expect.stringContaining('the NS records of a zone itself belong to its server: remove them here'),
    expect.stringContaining('a zone itself cannot have a CNAME: write A and AAAA records'),
    expect.stringContaining('a name with a CNAME has no other records: remove the CNAME or TXT'),
    expect.stringContaining('"www.example.net." is not in the zone example.com: write it below its own zone'),
    expect.stringContaining('a TXT record may have 2000 characters, and this has 2001'),
    expect.stringContaining('a name has one CNAME: keep one'),
    expect.stringContaining('"::1" is no IPv4 address'),
    expect.stringContaining('"1.2.3.4" is no IPv6 address'),
  ])
})

test('a name is written below the longest zone that it is in', () => {
  const text = `${provider}zones:
  example.com: { provider: home, records: { a.eu: { A: 203.0.113.9 } } }
  eu.example.com: { provider: home }
`
  const { zones, mistakes } = parse(text)
  expect(mistakes.map(renderMistake)).toEqual([
    'dns.yaml:4:34: a.eu.example.com is in the zone eu.example.com, which is declared as well: write it there',
  ])
  expect(zoneOf(zones, 'shop.eu.example.com')?.name).toBe('eu.example.com')
  expect(zoneOf(zones, 'example.org')).toBeUndefined()
})

test('a key in the repository is refused: only the name of a secret belongs there', () => {
  const { mistakes } = parse('providers:\n  home: { type: rfc2136, server: 127.0.0.1, key: k, secret: bWFya2VyLW9mLWEta2V5 }\n')
  expect(mistakes.map(renderMistake)).toEqual([expect.stringContaining('write the name of a secret, like secret:DNS_KEY')])
  expect(JSON.stringify(mistakes)).not.toContain('bWFya2VyLW9mLWEta2V5')
})

test('every other mistake of a zone is refused at the push too, with what to write instead', () => {
  expect(mistakes('"@": { SOA: "ns1.example.com admin.example.com 1 2 3 4 5" }')[0]).toContain('SOA')
  expect(
    mistakes(
      'caa: { CAA: ["0 issue", "256 issue ca.example.net"] }',
      '_sip._tcp: { SRV: ["10 60 sip.example.com", "10 60 70000 sip.example.com"] }',
      'twice: { A: [203.0.113.9, 203.0.113.9] }',
      'through: { A: { values: 203.0.113.9, proxied: true } }',
    ),
  ).toEqual([
    expect.stringContaining('"0 issue" is no CAA record'),
    expect.stringContaining('"256 issue ca.example.net" is no CAA record'),
    expect.stringContaining('"10 60 sip.example.com" is no service'),
    expect.stringContaining('"10 60 70000 sip.example.com" is no service'),
    expect.stringContaining('"203.0.113.9" is there twice: keep one'),
    expect.stringContaining('only Cloudflare leads requests through itself'),
  ])
})

test('what only Cloudflare has is refused elsewhere, and what it does not take is refused for it', () => {
  const cloud = 'providers:\n  cloud: { type: cloudflare, token: "secret:CLOUDFLARE_TOKEN" }\n'
  const said = (text: string) => parse(text).mistakes.map(renderMistake)
  expect(
    said(`${provider}zones:\n  example.com: { provider: home, create: true, proxied: true, cloudflare: { ssl: strict } }\n`),
  ).toHaveLength(3)
  expect(
    said(
      `${cloud}zones:\n  example.com: { provider: cloud, ttl: 30, records: { a: { MX: { values: 10 m.example.net, proxied: true } } } }\n`,
    ),
  ).toEqual([
    expect.stringContaining('60 to 86400 seconds, or 1 for automatic: 30 is neither'),
    expect.stringContaining('Cloudflare leads A, AAAA and CNAME through itself, and MX not'),
  ])
  expect(said('providers:\n  cloud: { type: cloudflare, api_key: "secret:CLOUDFLARE_API_KEY" }\n')[0]).toContain(
    'api_key and email go together',
  )
})

test('five thousand records are read in one document', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => `h${index}: { A: 10.0.${index >> 8}.${index & 255} }`)
  expect(zone(...many(5_000)).zones.get('example.com')?.records).toHaveLength(5_000)
})

test('what is no name is refused behind an underscore as well, where it would be a command to the server', () => {
  expect(
    mistakes(
      '"_a\\nupdate delete mail": { TXT: x }',
      'c: { CNAME: "_x\\nupdate delete mail.example.com" }',
      'd: { SRV: "10 60 5060 _\\e[2Jx.example.com" }',
      '"_\\"x": { TXT: x }',
      String.raw`e: { CAA: "0 issue \"le\nupdate delete mail.example.com.\n\"" }`,
    ),
  ).toEqual([
    expect.stringContaining('is no name in example.com'),
    expect.stringContaining('is no full host name'),
    expect.stringContaining('is no full host name'),
    expect.stringContaining('is no name in example.com'),
    expect.stringContaining('which CAA records are made of'),
  ])
})

test('international names are known by their punycode, as servers and domains.yaml have them', () => {
  const { zones, mistakes } = parse(`${provider}zones:
  bücher.example:
    provider: home
    records:
      müller: { CNAME: bücher.example }
      _a.müller: { MX: "10 straße.example" }
      "*.www.bücher.example.": { A: 203.0.113.9 }
`)
  expect(mistakes).toEqual([])
  expect(zones.get('xn--bcher-kva.example')?.records.map(({ name, values }) => [name, ...values])).toEqual([
    ['xn--mller-kva.xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['_a.xn--mller-kva.xn--bcher-kva.example', '10 xn--strae-oqa.example'],
    ['*.www.xn--bcher-kva.example', '203.0.113.9'],
  ])
})

test('a zone that is written in two ways is refused, and so is a provider that only JavaScript knows', () => {
  const text = `${provider}zones:
  bücher.example: { provider: home, records: { www: { A: 203.0.113.9 } } }
  xn--bcher-kva.example: { provider: home }
  example.com: { provider: constructor }
`
  expect(parse(text).mistakes.map(renderMistake)).toEqual([
    'dns.yaml:5:3: the zone xn--bcher-kva.example is declared twice: keep it in one place',
    'dns.yaml:6:28: there is no provider "constructor": the providers here are home',
  ])
})

test('names that are marks of ours in a zone are refused, and so is a load balancer under two names', () => {
  expect(mistakes('_any: { A: 203.0.113.1 }', '_ai-infra-a.www: { TXT: mine }')).toEqual([
    'dns.yaml:7:7: names that begin with _any or _ai-infra- say whose a record is: choose another name',
    'dns.yaml:8:7: names that begin with _any or _ai-infra- say whose a record is: choose another name',
  ])
  const balancer = '{ pools: { eu: [203.0.113.1] } }'
  const text = `providers:
  cloud: { type: cloudflare, token: "secret:CLOUDFLARE_TOKEN" }
zones:
  example.com:
    provider: cloud
    cloudflare:
      load_balancers:
        shop: ${balancer}
        shop.example.com: ${balancer}
`
  expect(parse(text).mistakes.map(renderMistake)).toEqual(['dns.yaml:9:9: shop.example.com is there twice: keep one'])
})

import { expect, test } from 'bun:test'
import { stateOf } from '../../desired-state/testing/tree.ts'
import { systemClock } from '../../runtime/os/clock.ts'
import { requiredPart } from '../engine/hold.ts'
import { createTargets } from '../engine/target.ts'
import { createDnsReconciler } from './dns.ts'
import { declaredRecords, siteRecords } from './item.ts'
import { createKeptZones } from './kept-zones.ts'
import { createPropagation } from './propagation.ts'

const heldFor = (...[reconciler, from, to]: Parameters<typeof requiredPart>) => requiredPart(reconciler, from, to)?.held

const never = () => {
  throw new Error('nothing is asked')
}
const common = {
  ...{ providers: never, clock: systemClock, snapshots: '/nowhere', propagation: createPropagation(systemClock) },
}
const records = createDnsReconciler({
  ...{ ...common, kind: 'dns-record', select: declaredRecords, kept: createKeptZones('/nowhere', 'dns-record') },
})
const sites = createDnsReconciler({
  ...{ ...common, kind: 'site-record', follows: 'site', kept: createKeptZones('/nowhere', 'site-record') },
  select: state => siteRecords(state, ['203.0.113.9']),
})

const providers = 'providers:\n  cloud: { type: cloudflare, token: "secret:CLOUDFLARE_TOKEN" }\n'
const zone = (name: string, count: number, more = '') =>
  `  ${name}: { provider: cloud${more}, records: { ${Array.from({ length: count }, (_, index) => `h${index}: { A: 203.0.113.${index} }`).join(', ')} } }\n`
const dns = (...zones: readonly string[]) => (zones.length === 0 ? providers : `${providers}zones:\n${zones.join('')}`)
const domains = (...names: readonly string[]) =>
  `domains:\n${names.map(name => `  ${name}.example.com: { root: ${name} }\n`).join('')}`
const state = (dnsYaml: string, domainsYaml = 'domains: {}\n') => stateOf({ 'dns.yaml': dnsYaml, 'domains.yaml': domainsYaml })

test('the cap holds within each zone, however many records there are in others', () => {
  const before = state(dns(zone('example.com', 200), zone('small.example.net', 9)))
  const held = heldFor(records, before, state(dns(zone('example.com', 200), zone('small.example.net', 5))))
  expect(held?.reason).toBe('it removes 4 of 10 of kind dns-record in small.example.net, more than 30 %')
  expect(heldFor(records, before, state(dns(zone('example.com', 190), zone('small.example.net', 8))))).toBeUndefined()
  expect(heldFor(records, before, state(dns(zone('example.com', 200))))?.reason).toContain('in small.example.net')
})

test('how long answers hold and whether they lead through Cloudflare changes without an approval', () => {
  const before = state(dns(zone('example.com', 9)))
  expect(heldFor(records, before, state(dns(zone('example.com', 9, ', ttl: 60'))))).toBeUndefined()
  expect(heldFor(records, before, state(dns(zone('example.com', 9, ', proxied: true'))))).toBeUndefined()
})

test('records of sites go with their sites; what dns.yaml or the addresses do to them is capped', () => {
  const before = state(dns(zone('example.com', 0)), domains('a', 'b', 'c'))
  expect(heldFor(sites, before, state(dns(zone('example.com', 0)), domains('a')))).toBeUndefined()
  expect(heldFor(sites, before, state(dns(), domains('a', 'b', 'c')))?.reason).toContain('removes the last')
  expect(heldFor(sites, before, state(dns(zone('example.com', 0, ', sites: false')), domains('a', 'b', 'c')))).toBeDefined()
})

test('records that are held for dns.yaml still follow their sites meanwhile', async () => {
  const last = { ...state(dns(zone('example.com', 0)), domains('a', 'b', 'c')), revision: 'last' }
  const head = { ...state(dns(), domains('a', 'b', 'c', 'd')), revision: 'head' }
  const accepted = new Map([
    ['site', 'head'],
    ['site-record', 'last'],
  ])
  const never = async () => {
    throw new Error('nothing is let through')
  }
  const targets = createTargets(
    {
      ...{ reconcilers: [sites], accepted, clock: systemClock, command: 'ai-infra', redact: text => text, newId: () => 'id' },
      ...{ head: () => head, main: () => 'head', read: async revision => (revision === 'last' ? last : head) },
      journal: { accept: never, hold: async () => {}, approve: never, endedHold: never },
      events: { moved: () => {}, held: () => {}, approved: () => {}, unanswered: () => {} },
    },
    undefined,
  )
  const target = await targets.choose(sites, head)
  expect(target.held?.kind.kind).toBe('site-record')
  expect([...sites.select(target.state).keys()]).toContain('d.example.com/A')
})

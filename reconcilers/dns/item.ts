import { zoneOf } from '../../desired-state/documents/dns.ts'
import type { DesiredState, DnsProvider, DnsRecordSet, DnsZone } from '../../desired-state/state.ts'
import { setKey } from './provider.ts'

/** A record set that is to be there. Without values: nobody knows what it would say. */
export interface RecordItem extends DnsRecordSet {
  readonly provider: DnsProvider
}

/** A zone that is looked at, so that what is no longer declared in it is found. */
export interface ZoneItem {
  readonly type: 'zone'
  readonly zone: string
  readonly provider: DnsProvider
  /** Whether it is made when it is not there. */
  readonly create: boolean
}

export type DnsItem = RecordItem | ZoneItem

/** What dns.yaml says itself: records by `name/type`, zones by name. */
export function declaredRecords({ dns }: DesiredState): ReadonlyMap<string, DnsItem> {
  const records = [...dns.values()].flatMap(zone =>
    zone.records.map((set): [string, DnsItem] => [setKey(set), { ...set, provider: zone.provider }]),
  )
  return new Map([...zoneItems([...dns.values()]), ...records])
}

const zoneItems = (zones: readonly DnsZone[]): readonly [string, DnsItem][] =>
  zones.map(({ name, provider, create }) => [name, { type: 'zone', zone: name, provider, create }])

/**
 * Records of the sites' names that lead to this server, where a zone wants them and says nothing of the name itself: A for
 * its IPv4 addresses, AAAA for its IPv6 ones. `own` are the machine's, for settings that name none.
 */
export function siteRecords({ dns, domains, settings }: DesiredState, own: readonly string[]): ReadonlyMap<string, DnsItem> {
  const addresses = settings.public_addresses.length > 0 ? settings.public_addresses : own
  const values = { A: addresses.filter(isFour).sort(), AAAA: addresses.filter(address => !isFour(address)).sort() }
  const items = new Map<string, DnsItem>(zoneItems([...dns.values()].filter(({ sites }) => sites)))
  for (const { host, aliases } of domains.values()) {
    for (const name of [host, ...aliases]) {
      const zone = zoneOf(dns, name)
      if (zone === undefined || !zone.sites || zone.records.some(set => set.name === name && leading.has(set.type))) continue
      for (const type of ['A', 'AAAA'] as const) {
        // A name without any address waits, and says so under its A.
        if (values[type].length === 0 && (type === 'AAAA' || addresses.length > 0)) continue
        const through = zone.proxied ? ({ ttl: 1, proxied: true } as const) : { ttl: zone.ttl }
        const set = { zone: zone.name, name, type, ...through, values: values[type], provider: zone.provider }
        items.set(setKey(set), set)
      }
    }
  }
  return items
}

const isFour = (address: string) => !address.includes(':')
const leading: ReadonlySet<string> = new Set(['A', 'AAAA', 'CNAME'])

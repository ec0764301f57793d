import ipaddr from 'ipaddr.js'
import type { DnsZone, DomainDeclaration, Mistake, Settings } from '../state.ts'
import type { Path, Source } from '../yaml.ts'
import { isMap, reportOn } from './check.ts'
import { zoneOf } from './dns.ts'
import { parseSiteName } from './host.ts'

export interface Provable {
  readonly domains: ReadonlyMap<string, DomainDeclaration>
  readonly dns: ReadonlyMap<string, DnsZone>
  readonly settings: Pick<Settings, 'certificate_issuer' | 'public_addresses'>
}

interface Unprovable {
  readonly host: string
  readonly message: string
}

/**
 * Domains whose names no authority will see as ours, whatever is tried. The document is read only where there is one: it is
 * large, and its domains may come from the commit before.
 */
export function unprovableDomains(provable: Provable, open: () => Source | undefined): readonly Mistake[] {
  const found = [...provable.domains.values()].filter(({ tls }) => tls === 'acme').flatMap(domain => judge(domain, provable))
  const source = found.length === 0 ? undefined : open()
  if (source === undefined) return []
  const report = reportOn(source)
  const keys = keysOf(source)
  for (const { host, message } of found) {
    const path: Path = ['domains', keys.get(host) ?? host]
    report.say(path, message, 'key')
  }
  return report.mistakes
}

function judge(domain: DomainDeclaration, provable: Provable): readonly Unprovable[] {
  const names = [domain.host, ...domain.aliases]
  const said = domain.challenge === 'dns' ? withoutZone(names, provable) : behindWalls(names, provable)
  return said === undefined ? [] : [{ host: domain.host, message: said }]
}

function withoutZone(names: readonly string[], { dns }: Provable): string | undefined {
  const name = names.find(one => zoneOf(dns, one.replace(/^\*\./, '')) === undefined)
  if (name === undefined) return undefined
  return `the certificate for ${name} is proven in DNS, and no zone of dns.yaml holds it: declare its zone there${name.startsWith('*.') ? '' : ', or write challenge: http'}`
}

/** Addresses that are of one house or one machine; nobody else means the same by them. */
const inner: ReadonlySet<string> = new Set([
  ...['private', 'loopback', 'linkLocal', 'carrierGradeNat', 'uniqueLocal', 'unspecified'],
])

export const isInner = (address: string): boolean => ipaddr.isValid(address) && inner.has(ipaddr.parse(address).range())

/** Let's Encrypt asks from the internet; an authority of somebody's own may well be inside. */
function behindWalls(names: readonly string[], { dns, settings }: Provable): string | undefined {
  if (!settings.certificate_issuer.startsWith('letsencrypt')) return undefined
  for (const name of names) {
    const zone = zoneOf(dns, name)
    if (zone === undefined) continue
    const sets = zone.records.filter(set => set.name === name)
    const own = sets.flatMap(({ type, values }) => (type === 'A' || type === 'AAAA' ? values : []))
    const led = sets.length > 0 || !zone.sites ? own : settings.public_addresses
    const address = led.find(isInner)
    if (address === undefined) continue
    const where = own.includes(address) ? 'dns.yaml' : 'public_addresses of settings.yaml'
    return `${name} leads to ${address} (${where}), where ${settings.certificate_issuer} cannot reach it: write challenge: dns, or an address of the internet`
  }
  return undefined
}

/** How the document writes each host. */
function keysOf({ value }: Source): ReadonlyMap<string, string> {
  const domains = isMap(value) && isMap(value.domains) ? value.domains : {}
  return new Map(
    Object.keys(domains).flatMap(key => {
      const parsed = parseSiteName(key)
      return 'ok' in parsed ? [[parsed.ok, key] as const] : []
    }),
  )
}

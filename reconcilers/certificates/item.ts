import { zoneOf } from '../../desired-state/documents/dns.ts'
import type { DesiredState, DnsProvider, DnsZone, DomainDeclaration } from '../../desired-state/state.ts'
import { type Issuer, issuerOf } from './issuer.ts'

/** Where the answer for a name is put. */
export interface DnsPlace {
  readonly zone: string
  readonly provider: DnsProvider
}

/** How the authority sees that the names are ours: over HTTP, or in DNS; the places are by name, without a star. */
export type Proof = { readonly type: 'http' } | { readonly type: 'dns'; readonly places: Readonly<Record<string, DnsPlace>> }

/** One certificate for a domain and its aliases. */
export interface CertificateItem {
  readonly host: string
  readonly aliases: readonly string[]
  readonly issuer: Issuer
  readonly proof: Proof
}

/** By host: every domain with `tls: acme`. */
export function certificatesOf({ domains, dns, settings }: DesiredState): ReadonlyMap<string, CertificateItem> {
  const issuer = issuerOf(settings)
  return new Map(
    [...domains.values()]
      .filter(({ tls }) => tls === 'acme')
      .map(domain => {
        const { host, aliases } = domain
        return [host, { host, aliases, issuer, proof: proofOf(domain, dns) }] as const
      }),
  )
}

function proofOf({ host, aliases, challenge }: DomainDeclaration, zones: ReadonlyMap<string, DnsZone>): Proof {
  if (challenge !== 'dns') return { type: 'http' }
  const places = namesOf({ host, aliases }).flatMap(name => {
    const bare = name.replace(/^\*\./, '')
    const zone = zoneOf(zones, bare)
    return zone === undefined ? [] : [[bare, { zone: zone.name, provider: zone.provider }] as const]
  })
  return { type: 'dns', places: Object.fromEntries(places) }
}

export const namesOf = ({ host, aliases }: Pick<CertificateItem, 'host' | 'aliases'>): readonly string[] => [host, ...aliases]

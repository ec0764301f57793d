import { zoneOf } from '../../desired-state/documents/dns.ts'
import type { DesiredState, DnsProvider, DnsZone, DomainDeclaration } from '../../desired-state/state.ts'
import { type Issuer, isPublic, issuerOf } from './issuer.ts'

/** Where the answer for a name is put. */
export interface DnsPlace {
  readonly zone: string
  readonly provider: DnsProvider
}

/** How the authority sees that the names are ours: over HTTP, or in DNS; the places are by name, without a star. */
export type Proof =
  | { readonly type: 'http'; readonly fromOutside?: FromOutside }
  | { readonly type: 'dns'; readonly places: Readonly<Record<string, DnsPlace>> }

/** Names that an authority of the internet has to reach, and of which nobody has said that it can. */
export interface FromOutside {
  /** Their records follow from the sites, and lead to this machine's own addresses. */
  readonly derived: readonly string[]
  /** In no zone of dns.yaml. */
  readonly elsewhere: readonly string[]
}

/** One certificate for a domain and its aliases. */
export interface CertificateItem {
  readonly host: string
  readonly aliases: readonly string[]
  readonly issuer: Issuer
  readonly proof: Proof
  /** Those of its names that are asked for, where not all of them are to be had. */
  readonly part?: readonly string[]
}

/** By host: every domain with `tls: acme`. */
export function certificatesOf({ domains, dns, settings }: DesiredState): ReadonlyMap<string, CertificateItem> {
  const issuer = issuerOf(settings)
  const nothingSaid = settings.public_addresses.length === 0
  return new Map(
    [...domains.values()]
      .filter(({ tls }) => tls === 'acme')
      .map(domain => {
        const { host, aliases } = domain
        return [host, { host, aliases, issuer, proof: proofOf(domain, dns, isPublic(issuer) && nothingSaid) }] as const
      }),
  )
}

function proofOf(
  { host, aliases, challenge }: DomainDeclaration,
  zones: ReadonlyMap<string, DnsZone>,
  fromOutside: boolean,
): Proof {
  if (challenge !== 'dns') return { type: 'http', ...(fromOutside ? { fromOutside: outsideOf([host, ...aliases], zones) } : {}) }
  const places = namesOf({ host, aliases }).flatMap(name => {
    const bare = name.replace(/^\*\./, '')
    const zone = zoneOf(zones, bare)
    return zone === undefined ? [] : [[bare, { zone: zone.name, provider: zone.provider }] as const]
  })
  return { type: 'dns', places: Object.fromEntries(places) }
}

function outsideOf(names: readonly string[], zones: ReadonlyMap<string, DnsZone>): FromOutside {
  const derives = (name: string) => {
    const zone = zoneOf(zones, name)
    return zone?.sites === true && !zone.records.some(set => set.name === name)
  }
  return { derived: names.filter(derives), elsewhere: names.filter(name => zoneOf(zones, name) === undefined) }
}

export const namesOf = ({ host, aliases, part }: Pick<CertificateItem, 'host' | 'aliases' | 'part'>): readonly string[] =>
  part ?? [host, ...aliases]

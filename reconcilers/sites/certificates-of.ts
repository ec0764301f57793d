import type { DesiredState, DomainDeclaration } from '../../desired-state/state.ts'
import type { Choice, Wanted } from '../certificates/choose.ts'
import { issuerOf } from '../certificates/issuer.ts'
import type { Certificates } from '../certificates/stored.ts'
import type { CertificateApart, UsableCertificate } from './model.ts'

/** A domain with what of the whole desired state decides about its certificates. */
export type DeclaredSite = DomainDeclaration & Pick<Wanted, 'authority' | 'taken'>

export function declaredSites({
  domains,
  settings,
}: Pick<DesiredState, 'domains' | 'settings'>): ReadonlyMap<string, DeclaredSite> {
  const all = [...domains.values()]
  if (!all.some(({ tls }) => tls === 'acme')) return domains
  const authority = issuerOf(settings).directory
  const owners = new Map(all.flatMap(({ host, aliases }) => [host, ...aliases].map(name => [name, host] as const)))
  return new Map(
    all.map(domain => {
      if (domain.tls !== 'acme') return [domain.host, domain]
      const taken = takenBelow(domain, owners)
      return [domain.host, { ...domain, authority, ...(taken.length === 0 ? {} : { taken }) }]
    }),
  )
}

function takenBelow({ host, aliases }: DomainDeclaration, owners: ReadonlyMap<string, string>): readonly string[] {
  const stars = [host, ...aliases].filter(name => name.startsWith('*.')).map(name => name.slice(1))
  if (stars.length === 0) return []
  return [...owners].flatMap(([name, owner]) => (owner !== host && stars.some(star => name.endsWith(star)) ? [name] : [])).sort()
}

type Kept = Pick<Certificates, 'chosen' | 'own'>

/** What the names of a domain are served with; undefined when a certificate of this server's own has to be made first. */
export function usableFor(
  certificates: Kept,
  domain: DeclaredSite,
  current: ReadonlySet<string>,
  now: number,
): UsableCertificate | undefined {
  const choice = certificates.chosen(domain)
  return servedBy(domain, choice, choice.uncovered.length === 0 ? undefined : certificates.own(domain, current)?.id, now)
}

/** `own`: id of a certificate of this server's own; undefined where there is none. */
export function servedBy(
  { host, aliases }: DeclaredSite,
  { shares, uncovered }: Choice,
  own: string | undefined,
  now: number,
): UsableCertificate | undefined {
  if (uncovered.length > 0 && own === undefined) return undefined
  const groups: readonly CertificateApart[] = [
    ...shares.map(({ certificate: { id, directory }, names }) => ({ id, issued: true, names, ...by(directory) })),
    ...(own === undefined ? [] : [{ id: own, issued: false, names: uncovered }]),
  ]
  const main = groups.find(({ names }) => names.includes(host))
  if (main === undefined) return undefined
  const declared = [host, ...aliases]
  const further = main.names.filter(name => !declared.includes(name))
  const apart = [...(further.length === 0 ? [] : [{ ...main, names: further }]), ...groups.filter(group => group !== main)]
  const ended = endedNames(shares, now)
  return {
    ...{ id: main.id, issued: main.issued, ...by(main.authority) },
    ...(apart.length === 0 ? {} : { apart }),
    ...(ended.length === 0 ? {} : { ended }),
  }
}

const by = (authority: string | undefined) => (authority === undefined ? {} : { authority })

const endedNames = (shares: Choice['shares'], now: number) =>
  shares.filter(({ certificate }) => certificate.end <= now).flatMap(({ names }) => names)

/** Of what browsers warn at a domain with `tls: acme`, for a person; undefined when it is nothing. */
export function browsersWarn({ host, aliases }: DomainDeclaration, found: UsableCertificate | undefined): string | undefined {
  const { issued = false, apart = [], ended = [] } = found ?? {}
  const others = new Set(apart.flatMap(({ names }) => names))
  const main = issued ? [] : [host, ...aliases].filter(name => !others.has(name))
  const own = [...main, ...apart.flatMap(each => (each.issued ? [] : each.names))]
  if (own.length === 0 && ended.length === 0) return undefined
  const see = `see certificate/${host}`
  if (ended.length === 0 && own.length > aliases.length) {
    return `it serves a self-signed certificate, of which browsers warn, until the authority has given one: ${see}`
  }
  const words = [
    ...(own.length === 0 ? [] : [`${own.join(', ')} with a self-signed certificate`]),
    ...(ended.length === 0 ? [] : [`${ended.join(', ')} with one that has ended`]),
  ]
  return `it serves ${words.join(', and ')}, of which browsers warn, until the authority has given one for all its names: ${see}`
}

import type { DomainDeclaration } from '../../desired-state/state.ts'
import type { StoredCertificate } from './stored.ts'

/** A domain's names, and what decides which of its certificates they get. */
export interface Wanted extends Pick<DomainDeclaration, 'host' | 'aliases'> {
  /** Directory of the authority that is declared: among equals its certificate is served. */
  readonly authority?: string
  /** Names below a star of the domain that another domain has. */
  readonly taken?: readonly string[]
}

/** Names that get the same certificate of an authority, among them those that a star of the domain stands for. */
export interface Share {
  readonly certificate: StoredCertificate
  readonly names: readonly string[]
}

export interface Choice {
  readonly shares: readonly Share[]
  /** Names that no authority's certificate is for. */
  readonly uncovered: readonly string[]
}

/** A star stands for one part of a name (RFC 6125, 6.4.3). */
export function isFor(certificate: Pick<StoredCertificate, 'names'>, name: string): boolean {
  if (certificate.names.has(name)) return true
  return !name.startsWith('*.') && certificate.names.has(`*.${name.slice(name.indexOf('.') + 1)}`)
}

/**
 * Which certificate of an authority each name gets: the newest valid one that is for it, of the declared authority where there is
 * one, so that no name loses its own because of another. One that has ended is better than none: browsers warn of a self-signed
 * one just the same, and the clock may be wrong. `kept`: what lies in the domain's folder.
 */
export function choose(
  { host, aliases, authority, taken = [] }: Wanted,
  kept: readonly StoredCertificate[],
  now: number,
): Choice {
  const names = [host, ...aliases]
  const rank = (one: StoredCertificate) => 2 * Number(one.end > now) + Number(one.directory === authority)
  const best = kept.filter(({ directory }) => directory !== undefined).sort((a, b) => rank(b) - rank(a) || newestFirst(a, b))
  const chosen = new Map<StoredCertificate, string[]>()
  const give = (name: string, certificate: StoredCertificate) =>
    chosen.set(certificate, [...(chosen.get(certificate) ?? []), name])
  const uncovered: string[] = []
  for (const name of names) {
    const found = best.find(one => isFor(one, name))
    if (found === undefined) uncovered.push(name)
    else give(name, found)
  }
  for (const name of belowStars(uncovered, best, now)) {
    const found = best.find(one => one.names.has(name))
    if (found !== undefined && !names.includes(name) && !taken.includes(name)) give(name, found)
  }
  return { shares: [...chosen].map(([certificate, own]) => ({ certificate, names: own.sort() })), uncovered }
}

/** Names that a star without a certificate stands for, and that have a valid one of their own. */
function belowStars(uncovered: readonly string[], kept: readonly StoredCertificate[], now: number): readonly string[] {
  const valid = new Set(kept.filter(({ end }) => end > now).flatMap(({ names }) => [...names]))
  return [...valid].filter(name => plainName.test(name) && isFor({ names: new Set(uncovered) }, name)).sort()
}

const plainName = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/

export const newestFirst = (a: StoredCertificate, b: StoredCertificate) =>
  b.begin - a.begin || b.end - a.end || (a.id < b.id ? -1 : 1)

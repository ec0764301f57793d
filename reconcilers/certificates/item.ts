import type { DesiredState } from '../../desired-state/state.ts'
import { type Issuer, issuerOf } from './issuer.ts'

/** One certificate for a domain and its aliases. */
export interface CertificateItem {
  readonly host: string
  readonly aliases: readonly string[]
  readonly issuer: Issuer
}

/** By host: every domain with `tls: acme`. */
export function certificatesOf({ domains, settings }: DesiredState): ReadonlyMap<string, CertificateItem> {
  const issuer = issuerOf(settings)
  return new Map(
    [...domains.values()]
      .filter(({ tls }) => tls === 'acme')
      .map(({ host, aliases }) => [host, { host, aliases, issuer }] as const),
  )
}

export const namesOf = ({ host, aliases }: Pick<CertificateItem, 'host' | 'aliases'>): readonly string[] => [host, ...aliases]

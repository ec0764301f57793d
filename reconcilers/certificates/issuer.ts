import { createHash } from 'node:crypto'
import type { Settings } from '../../desired-state/state.ts'

/** Who signs certificates, as ACME's directory. */
export interface Issuer {
  /** URL of its directory. */
  readonly directory: string
  /** Where a try after a failed one goes, so that it costs nothing of what the issuer grants; undefined when it has no such place. */
  readonly staging: string | undefined
  /** File with the authorities that its own server's certificate is checked against; undefined for the system's. */
  readonly authorities: string | undefined
  /** Address that it may write to; undefined for none. */
  readonly email: string | undefined
}

/** Let's Encrypt's directories (https://letsencrypt.org/docs/acme-protocol-updates/, /docs/staging-environment/). */
export const directories = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
} as const

type CertificateSettings = Pick<Settings, 'certificate_issuer' | 'certificate_issuer_ca' | 'certificate_email'>

export function issuerOf(settings: CertificateSettings): Issuer {
  const { certificate_issuer: name, certificate_issuer_ca: ca, certificate_email: email } = settings
  const known = name === 'letsencrypt' || name === 'letsencrypt-staging'
  return {
    directory: known ? directories[name] : name,
    staging: name === 'letsencrypt' ? directories['letsencrypt-staging'] : undefined,
    authorities: ca === '' ? undefined : ca,
    email: email === '' ? undefined : email,
  }
}

/** For a person. */
export function authorityName(directory: string): string {
  if (directory === directories.letsencrypt) return "Let's Encrypt"
  return directory === directories['letsencrypt-staging'] ? "Let's Encrypt's staging" : new URL(directory).hostname
}

/** Asks from the internet; an authority of somebody's own may well be inside. */
export const isPublic = ({ directory }: Pick<Issuer, 'directory'>): boolean =>
  Object.values<string>(directories).includes(directory)

/** Accounts and orders of one issuer lie in a folder of its own. */
export const issuerFolder = (directory: string): string => createHash('sha256').update(directory).digest('hex').slice(0, 12)

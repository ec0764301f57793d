import type { DomainDeclaration, Hsts, ProxyDomain } from '../../desired-state/state.ts'
import { hostFolder } from './harmless.ts'

/**
 * All that decides the text of one site's file. It is stored in the file's header, so that a look knows what a file was
 * rendered from.
 */
export interface SiteModel {
  readonly host: string
  readonly aliases: readonly string[]
  /** Id of the host's certificate (folder `certificates/<host>/<id>`), and of all names that are not `apart`; undefined without TLS. */
  readonly certificate: string | undefined
  /** Names that have another certificate until there is one for all; absent: none. */
  readonly apart?: readonly NamesApart[]
  /** Absent: browsers are not told to insist on TLS. */
  readonly hsts?: Hsts
  readonly content: SiteContent
}

export interface NamesApart {
  readonly names: readonly string[]
  readonly certificate: string
  /** As in the model. */
  readonly hsts?: Hsts
}

export type SiteContent =
  | {
      readonly kind: 'static'
      readonly root: string
      readonly index: readonly string[]
      readonly notFound: string | undefined
      readonly cacheSeconds: number
    }
  | {
      readonly kind: 'proxy'
      readonly protocol: 'http' | 'https'
      /** As declared: a name or an address. */
      readonly upstream: string
      readonly port: number
      readonly path: string
      readonly addresses: readonly string[]
      readonly websocket: boolean
      readonly timeoutSeconds: number
      readonly bodyMebibytes: number
    }
  | { readonly kind: 'redirect'; readonly to: string; readonly keepsPath: boolean; readonly status: number }
  | { readonly kind: 'portal' }

/** The same for every site of an appliance. */
export interface RenderContext {
  readonly nginxPrefix: string
  readonly www: string
  readonly logs: string
  readonly run: string
  readonly probeSocket: string
  readonly ports: { readonly http: number; readonly https: number; readonly portal: number }
  /** Whether the machine has IPv6 at all; nginx does not start on an address family that is missing. */
  readonly ipv6: boolean
}

/** A certificate on disk; `issued` when an authority gave it. */
export interface UsableCertificate {
  readonly id: string
  readonly issued: boolean
  /** Directory of the authority that gave it; absent where nobody but this server vouches for it. */
  readonly authority?: string
  /** Other certificates, and the names that have them; absent: this one is for all names. */
  readonly apart?: readonly CertificateApart[]
  /** Names whose certificate has ended; absent: none. */
  readonly ended?: readonly string[]
}

export interface CertificateApart extends Pick<UsableCertificate, 'id' | 'issued' | 'authority'> {
  readonly names: readonly string[]
}

/** What the world adds to a declaration. */
export interface SiteFacts {
  readonly certificate: UsableCertificate | undefined
  readonly addresses: readonly string[]
}

export function modelOf(domain: DomainDeclaration, facts: SiteFacts): SiteModel {
  const certificate = domain.tls === 'none' ? undefined : facts.certificate
  const hstsOf = (issued = false) => (domain.hsts === undefined || !issued ? {} : { hsts: domain.hsts })
  const apart = certificate?.apart?.map(({ names, id, issued }) => ({ names, certificate: id, ...hstsOf(issued) })) ?? []
  return {
    host: domain.host,
    aliases: [...domain.aliases].sort(),
    certificate: certificate?.id,
    ...(apart.length === 0 ? {} : { apart }),
    ...hstsOf(facts.certificate?.issued),
    content: contentOf(domain, facts.addresses),
  }
}

function contentOf(domain: DomainDeclaration, addresses: readonly string[]): SiteContent {
  switch (domain.kind) {
    case 'static': {
      const { root, index, notFound, cacheSeconds } = domain
      return { kind: 'static', root, index, notFound, cacheSeconds }
    }
    case 'proxy':
      return proxyContent(domain, addresses)
    case 'redirect':
      return { kind: 'redirect', to: domain.to, keepsPath: domain.keepsPath, status: domain.status }
    case 'portal':
      return { kind: 'portal' }
  }
}

function proxyContent(
  { upstream, websocket, timeoutSeconds, bodyMebibytes }: ProxyDomain,
  addresses: readonly string[],
): SiteContent {
  const { protocol, host, port, path } = upstream
  return { kind: 'proxy', protocol, upstream: host, port, path, addresses, websocket, timeoutSeconds, bodyMebibytes }
}

/** Host names and web roots can be longer than a file name may be with a suffix. */
export const shortened = (host: string) => hostFolder(host).slice(0, 180)

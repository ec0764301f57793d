import type { DomainDeclaration, Hsts, ProxyDomain } from '../../desired-state/state.ts'
import { hostFolder } from './harmless.ts'

/**
 * All that decides the text of one site's file. It is stored in the file's header, so that a look knows what a file was
 * rendered from.
 */
export interface SiteModel {
  readonly host: string
  readonly aliases: readonly string[]
  /** Id of the certificate (folder `certificates/<host>/<id>`); undefined without TLS. */
  readonly certificate: string | undefined
  /** Absent: browsers are not told to insist on TLS. */
  readonly hsts?: Hsts
  readonly content: SiteContent
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
}

/** What the world adds to a declaration. */
export interface SiteFacts {
  readonly certificate: UsableCertificate | undefined
  readonly addresses: readonly string[]
}

export function modelOf(domain: DomainDeclaration, facts: SiteFacts): SiteModel {
  return {
    host: domain.host,
    aliases: [...domain.aliases].sort(),
    certificate: domain.tls === 'none' ? undefined : facts.certificate?.id,
    ...(domain.hsts === undefined || !facts.certificate?.issued ? {} : { hsts: domain.hsts }),
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

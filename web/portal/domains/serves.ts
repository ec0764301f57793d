import type { DomainDeclaration } from '../../../desired-state/state.ts'

/** What a domain serves, in a few words: `www/blog`, `308 → https://…`. */
export function servesOf(domain: DomainDeclaration): string {
  switch (domain.kind) {
    case 'static':
      return domain.deploy === undefined ? `www/${domain.root}` : `www/${domain.root} from ${domain.deploy.repo}`
    case 'proxy':
      return upstreamOf(domain.upstream)
    case 'redirect':
      return `${domain.status} → ${domain.to}`
    case 'portal':
      return 'this portal'
  }
}

function upstreamOf({ protocol, host, port, path }: Extract<DomainDeclaration, { kind: 'proxy' }>['upstream']): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`
}

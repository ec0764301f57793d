import { stateOf } from '../../../desired-state/testing/tree.ts'

export interface Declared {
  /** Text of domains.yaml below `domains:`. */
  readonly domains: string
  readonly directory: string
  /** File with the authority of the directory's own HTTPS. */
  readonly authorities: string
  /** Of the DNS server for example.com. */
  readonly dnsPort: number
}

/** What a repository says that has its zone at our own server and its certificates from our own authority. */
export const declared = ({ domains, directory, authorities, dnsPort }: Declared) =>
  stateOf({
    'settings.yaml': `certificate_issuer: ${directory}\ncertificate_issuer_ca: ${authorities}\n`,
    'dns.yaml': `providers:\n  home: { type: rfc2136, server: 127.0.0.1, port: ${dnsPort}, key: ai-infra, secret: "secret:DNS_KEY" }\nzones:\n  example.com: { provider: home }\n`,
    'domains.yaml': `domains:\n${domains}`,
  })

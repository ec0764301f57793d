import { canonicalHost, type NetPattern, parseNetPattern } from '../../policy/net.ts'
import { type AddressKind, addressKind, isAddress } from '../../policy/net-addresses.ts'

/** Where a sandbox may connect, and how often. */
export interface EgressPolicy {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly requestsPerMinute: number
  readonly maxConnections: number
  /** Of one connection; undefined: without a limit. */
  readonly downloadBytes: number | undefined
}

/** Nothing is allowed: what holds before the first command brings its policy. */
export const closed: EgressPolicy = { allow: [], deny: [], requestsPerMinute: 0, maxConnections: 0, downloadBytes: 0 }

export interface EgressRules {
  readonly policy: EgressPolicy
  /** The one spelling of the host when the name may be asked for, else why not. */
  name(host: string, port: number): { readonly host: string } | { readonly refused: string }
  /** Why this address must not be dialled for that host; undefined when it may. */
  address(host: string, address: string, port: number): string | undefined
  /** Entries that lead to this machine's own loopback because a rule names exactly that. */
  readonly loopback: readonly string[]
}

export function egressRules(policy: EgressPolicy, ownAddresses: () => readonly string[]): EgressRules {
  const allow = policy.allow.map(parseNetPattern).filter(pattern => pattern !== undefined)
  const deny = policy.deny.map(parseNetPattern).filter(pattern => pattern !== undefined)
  const denies = (host: string, port: number) => deny.find(pattern => pattern.matches(host, port))

  const name: EgressRules['name'] = (asked, port) => {
    const host = canonicalHost(asked)
    if (host === undefined) return { refused: `${JSON.stringify(asked)} is no host` }
    const denied = denies(host, port)
    if (denied !== undefined) return { refused: `network.yaml denies ${host}:${port} (${denied.text})` }
    if (!allow.some(pattern => pattern.matches(host, port))) return { refused: `nothing in network.yaml allows ${host}:${port}` }
    // The front proxy dials this machine itself, past the gate.
    if (/(^|\.)localhost$/.test(host))
      return isNamed(allow, '127.0.0.1', port) ? { host } : { refused: unnamed(host, 'loopback') }
    return isAddress(host) ? withAddress(host, port) : { host }
  }

  const address: EgressRules['address'] = (host, found, port) => {
    const spelled = canonicalHost(found)
    if (spelled === undefined) return `${host} leads to ${JSON.stringify(found)}, which is no address`
    const denied = denies(spelled, port)
    if (denied !== undefined) return `${host} leads to ${spelled}, which network.yaml denies (${denied.text})`
    const kind = addressKind(spelled, ownAddresses())
    if (kind === 'public' || isNamed(allow, spelled, port)) return undefined
    return unnamed(host, kind)
  }

  const withAddress = (host: string, port: number) => {
    const refused = address(host, host, port)
    return refused === undefined ? { host } : { refused }
  }

  return { policy, name, address, loopback: allow.flatMap(pattern => loopbackEntries(pattern, name)) }
}

const unnamed = (host: string, kind: AddressKind) =>
  `${host} leads to ${article[kind]} address, which must be named itself in network.yaml`

const article: Readonly<Record<AddressKind, string>> = {
  public: 'a public',
  loopback: 'a loopback',
  'link-local': 'a link-local',
  private: 'a private',
  metadata: "a cloud provider's metadata",
  own: "one of this server's own",
  special: 'a special',
}

/** Only a rule without `*` names an address that is not public. */
const isNamed = (allow: readonly NetPattern[], address: string, port: number) =>
  allow.some(
    pattern => pattern.exact && (pattern.matches(address, port) || (isLoopback(address) && pattern.matches('localhost', port))),
  )

const isLoopback = (address: string) => addressKind(address) === 'loopback'

function loopbackEntries(pattern: NetPattern, name: EgressRules['name']): string[] {
  if (!pattern.exact || pattern.port === undefined || 'refused' in name(pattern.host, pattern.port)) return []
  if (pattern.host === 'localhost') return ['localhost', '127.0.0.1', '[::1]'].map(host => `${host}:${pattern.port}`)
  if (!isAddress(pattern.host) || !isLoopback(pattern.host)) return []
  return [`${pattern.host.includes(':') ? `[${pattern.host}]` : pattern.host}:${pattern.port}`]
}

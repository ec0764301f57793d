import { BlockList, isIP } from 'node:net'
import { whyUnreachable } from '../../desired-state/documents/address.ts'
import type { ProxyDomain } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'

/** All addresses of a name; rejects or gives none when it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>

export type UpstreamFacts =
  | { readonly state: 'up' | 'down'; readonly addresses: readonly string[] }
  | { readonly state: 'unresolved' }
  /** An address that nothing public may lead to; `why` completes "it may not lead to …". */
  | { readonly state: 'refused'; readonly why: string }

export interface Upstreams {
  /** Addresses to render: `current` ones stay as long as the name still has them, so that rotating answers change nothing. */
  addresses(domain: ProxyDomain, current: readonly string[]): Promise<UpstreamFacts>
  /** The same, and whether one of them accepts connections. */
  look(domain: ProxyDomain, current: readonly string[]): Promise<UpstreamFacts>
}

/** Milliseconds for which an address that a name once had counts as its own. */
const memory = 600_000
const connectTimeout = 1_000

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

interface OwnPorts {
  readonly http: number
  readonly https: number
  readonly portal: number
}

/** Why a proxy may not lead to this address, or undefined. */
export function forbidden(address: string, port: number, own: OwnPorts): string | undefined {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  if (isIP(address) === 0) return `${address}, which is no IP address`
  const unreachable = whyUnreachable(address)
  if (unreachable !== undefined) return `${address}, which ${unreachable}`
  if (!loopback.check(address, family)) return undefined
  if (port === own.portal) return 'the portal; write portal: true instead'
  return port === own.http || port === own.https ? 'nginx itself, which would go round in circles' : undefined
}

export function createUpstreams(resolve: Resolve, clock: Clock, own: OwnPorts): Upstreams {
  const seen = new Map<string, Map<string, number>>()

  const remember = (host: string, addresses: readonly string[]) => {
    const now = clock.now().getTime()
    const known = seen.get(host) ?? new Map<string, number>()
    for (const [address, at] of known) if (at > now || now - at > memory) known.delete(address)
    for (const address of addresses) known.set(address, now)
    seen.set(host, known)
    return known
  }

  const addresses: Upstreams['addresses'] = async ({ upstream }, current) => {
    const answer = isIP(upstream.host) ? [upstream.host] : await resolve(upstream.host).catch(() => [])
    const why = answer.map(address => forbidden(address, upstream.port, own)).find(reason => reason !== undefined)
    if (why !== undefined) return { state: 'refused', why }
    if (answer.length === 0) return { state: 'unresolved' }
    const known = remember(upstream.host, answer)
    const stay = current.length > 0 && current.every(address => known.has(address))
    return { state: 'up', addresses: stay ? current : inOrder(answer) }
  }

  const look: Upstreams['look'] = async (domain, current) => {
    const facts = await addresses(domain, current)
    if (facts.state !== 'up') return facts
    const accepted = await Promise.all(facts.addresses.slice(0, 4).map(address => accepts(address, domain.upstream.port)))
    return { ...facts, state: accepted.includes(true) ? 'up' : 'down' }
  }

  return { addresses, look }
}

/** IPv4 first: most programs on this machine listen only there. */
const inOrder = (addresses: readonly string[]) =>
  [...new Set(addresses)].sort((a, b) => isIP(a) - isIP(b) || (a < b ? -1 : 1)).slice(0, 8)

async function accepts(hostname: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), connectTimeout)
  const nothing = () => {}
  const connection = Bun.connect({
    hostname,
    port,
    socket: { data: nothing, error: nothing, connectError: () => resolve(false) },
  })
  connection.then(
    socket => {
      resolve(true)
      socket.end()
    },
    () => resolve(false),
  )
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

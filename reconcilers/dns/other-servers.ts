import { BlockList, isIP } from 'node:net'
import { whyUnreachable } from '../../desired-state/documents/address.ts'
import type { Rfc2136Provider } from '../../desired-state/state.ts'
import { systemClock } from '../../runtime/os/clock.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import { type FoundSet, hasIt, type Lack, setKey, type Wanted, type ZoneContent } from './provider.ts'
import { readZoneText } from './zone-text.ts'

/** Addresses of a name; none where it has none. */
export type Resolve = (name: string) => Promise<readonly string[]>

/** A server that the world asks about a zone. */
export interface NameServer {
  readonly name: string
  readonly addresses: readonly string[]
}

/** Sets that one server is asked for: a zone is transferred whole, so that a few of them speak for all. */
const mostAsked = 20
/** Servers of one zone, and addresses of each, that are asked: whoever owns those chooses how many there are. */
const most = { servers: 16, addresses: 4 }
/** Milliseconds for all answers of one server, and for the addresses of a name. */
const patience = 10_000

/**
 * The servers that a zone names, but for the one that is written to, with the addresses that the zone itself gives or those
 * that they have elsewhere. One whose name has no address here cannot be asked, and is left out; so is one whose addresses
 * lead into this machine or its cloud.
 */
export async function otherServers(
  zone: string,
  sets: ReadonlyMap<string, FoundSet>,
  { server }: Pick<Rfc2136Provider, 'server'>,
  resolve: Resolve | undefined,
): Promise<readonly NameServer[]> {
  const addressesOf = async (name: string): Promise<readonly string[]> => {
    const glue = (['A', 'AAAA'] as const).flatMap(type => sets.get(setKey({ name, type }))?.values ?? [])
    return glue.length > 0 || resolve === undefined ? glue : resolvedIn(patience, resolve(name))
  }
  const named = (sets.get(setKey({ name: zone, type: 'NS' }))?.values ?? [])
    .filter(name => name !== server)
    .slice(0, most.servers)
  if (named.length === 0) return []
  const [own, found] = await Promise.all([
    addressesOf(server),
    Promise.all(named.map(async name => ({ name, addresses: await addressesOf(name) }))),
  ])
  const known = new Set([server, ...own])
  return found
    .filter(({ addresses }) => !addresses.some(address => known.has(address)))
    .map(({ name, addresses }) => ({ name, addresses: addresses.filter(mayBeAsked(server)).slice(0, most.addresses) }))
    .filter(({ addresses }) => addresses.length > 0)
}

async function resolvedIn(milliseconds: number, addresses: Promise<readonly string[]>): Promise<readonly string[]> {
  const enough = new AbortController()
  const late = systemClock.sleep(milliseconds, enough.signal).then(() => [])
  return Promise.race([addresses.catch(() => []), late]).finally(() => enough.abort())
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const isLoopback = (address: string): boolean =>
  isIP(address) !== 0 && loopback.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')

/** Addresses of a stranger's choice: this machine is asked only where the server that is written to is on it, too. */
const mayBeAsked =
  (server: string) =>
  (address: string): boolean =>
    whyUnreachable(address) === undefined && (!isLoopback(address) || server === 'localhost' || isLoopback(server))

/** What a server of the zone lacks, if anything; `serial` is that of the server that is written to. */
export async function lackOf(
  spawn: Spawn,
  { name, addresses }: NameServer,
  zone: string,
  { serial }: Pick<ZoneContent, 'serial'>,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<readonly Lack[]> {
  const standings = await Promise.all(
    addresses.map(address =>
      standingOf(spawn, address, zone, serial, wanted, signal).catch(() => {
        signal.throwIfAborted()
        return 'silent' as const
      }),
    ),
  )
  if (standings.includes('behind')) return [{ server: name, why: 'behind' }]
  // One that is reached by one of its addresses is reached: this machine may have no way to the others.
  return standings.includes('level') ? [] : [{ server: name, why: 'silent' }]
}

async function standingOf(
  spawn: Spawn,
  address: string,
  zone: string,
  serial: number | undefined,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<'level' | 'behind' | 'silent'> {
  const asked = await ask(spawn, { server: address, port: 53 }, [{ name: zone, type: 'SOA' }], signal)
  if (!isOwnAnswer(asked)) return 'silent'
  if (serial !== undefined && serialOf(asked) === serial) return 'level'
  // Servers that number a zone each in their own way are level when they have what was written.
  const sample = wanted.slice(-mostAsked)
  if (sample.length === 0) return 'behind'
  const answer = await ask(spawn, { server: address, port: 53 }, sample, signal)
  if (!answersAll(answer, sample)) return 'silent'
  const found = setsIn(answer)
  return sample.every(one => hasIt(one, found.get(setKey(one))?.values ?? [])) ? 'level' : 'behind'
}

/** Sets of several answers, which repeat each other. */
export const setsIn = (text: string): ReadonlyMap<string, FoundSet> =>
  new Map(readZoneText(text).map(set => [setKey(set), { ...set, values: [...new Set(set.values)] }]))

/** What dig prints of the answers; a server that gives none in time gives nothing. */
export async function ask(
  spawn: Spawn,
  { server, port }: { readonly server: string; readonly port: number },
  questions: readonly { readonly name: string; readonly type: string }[],
  signal: AbortSignal,
): Promise<string> {
  const options = ['+norecurse', '+tries=1', '+time=2', '+noall', '+comments', '+answer', '+authority', '+additional']
  // `-q` and `-t`: a stranger's name could look like an option.
  const words = questions.flatMap(({ name, type }) => ['-q', `${name}.`, '-t', type])
  const argv = ['/usr/bin/dig', `@${server}`, '-p', String(port), ...options, ...words]
  return (await spawn(argv, { signal, timeout: patience })).stdout
}

/** The server knows the zone itself, and does not only repeat what another one said. */
export const isOwnAnswer = (text: string): boolean => /status: (?:NOERROR|NXDOMAIN)/.test(text) && /flags:[^;]*\baa\b/.test(text)

/** What was taken out is missed by silence as well: that counts only in a server's own answer. Delegations are no own ones. */
function answersAll(text: string, asked: readonly Wanted[]): boolean {
  const answers = text.split('->>HEADER<<-').slice(1)
  const own = answers.filter(isOwnAnswer).length
  const put = asked.filter(({ values }) => values !== undefined).length
  return (
    answers.length === asked.length &&
    answers.every(answer => /status: (?:NOERROR|NXDOMAIN)/.test(answer)) &&
    own >= asked.length - put
  )
}

/** Serial of the first SOA record. */
export const serialOf = (text: string): number | undefined => {
  const [, serial] = /^\S+\s+\d+\s+IN\s+SOA\s+\S+\s+\S+\s+(\d+)\s/m.exec(text) ?? []
  return serial === undefined ? undefined : Number(serial)
}

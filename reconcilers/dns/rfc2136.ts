import type { Rfc2136Provider } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Spawn, SpawnResult } from '../../runtime/os/spawn.ts'
import { changeApart } from './apart.ts'
import { ask, isOwnAnswer, lackOf, otherServers, type Resolve, serialOf, setsIn } from './other-servers.ts'
import {
  type Challenges,
  type Correction,
  type FoundSet,
  NoSuchZone,
  type Provider,
  setKey,
  setOf,
  type ZoneContent,
} from './provider.ts'
import { registered, registryName, registryText } from './registry.ts'
import { openPassage } from './signed-transfer.ts'
import { readZoneText, writeData } from './zone-text.ts'

export interface Rfc2136Deps {
  readonly spawn: Spawn
  /** What marks records as ours: this appliance and no other. */
  readonly owner: string
  /** The TSIG key in base64; throws `waiting` when it is not there. */
  readonly secret: () => Promise<string>
  /** Asks the zone's other servers; absent: `spawn`. */
  readonly others?: Spawn
  /** For those of the zone's other servers whose addresses the zone itself does not give. Absent: these are not asked. */
  readonly resolve?: Resolve
}

/** Seconds that a server may take for one answer. */
const patience = 15
/** Registry records live as long as it takes to notice a mistake. */
const registryTtl = 300
/** Bytes of one update; the protocol allows 65,535 (RFC 1035, 4.2.2). */
const largestUpdate = 48_000

/** A server that takes dynamic updates (RFC 2136) signed with TSIG (RFC 8945), asked with BIND's own tools. */
export function createRfc2136(declared: Rfc2136Provider, given: Rfc2136Deps): Provider {
  const deps = { ...given, secret: async () => tsigKey(declared, await given.secret()) }
  return {
    async read(zone, signal) {
      const text = await transfer(declared, deps, zone, signal)
      const serial = serialOf(text)
      return { ...contentOf(readZoneText(text), deps.owner), ...(serial !== undefined && { serial }) }
    },
    async lacking(zone, content, wanted, signal) {
      const servers = await otherServers(zone, content.sets, declared, deps.resolve)
      const { spawn, others = spawn } = deps
      return (await Promise.all(servers.map(server => lackOf(others, server, zone, content, wanted, signal)))).flat()
    },
    async change(zone, corrections, signal) {
      const failures = new Map<string, Error>()
      for (const part of inMessages(zone, corrections, deps.owner)) {
        await changeApart(part, failures, batch => nsupdate(declared, deps, zone, scriptOf(zone, batch, deps.owner), signal))
      }
      return failures
    },
    challenges: challengesOf(declared, deps),
  }
}

/** BIND's tools read the key as a word among their commands: what is no base64 could be some of those. */
function tsigKey({ name, secret }: Rfc2136Provider, value: string): string {
  const key = value.trim()
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return key
  throw new ApplianceError('stalled', `${secret.replace('secret:', 'the secret ')} is no TSIG key: those are written in base64`, {
    hint: `set it anew for providers.${name} of dns.yaml; tsig-keygen prints it as secret "…"`,
  })
}

/** Seconds that others may keep a challenge's value: an authority that asks twice sees the second one. */
const challengeTtl = 5

function challengesOf(declared: Rfc2136Provider, deps: Rfc2136Deps): Challenges {
  const update = (zone: string, line: string, signal: AbortSignal) =>
    nsupdate(declared, deps, zone, `zone ${zone}.\n${line}\nsend\n`, signal)
  return {
    present: (zone, name, value, signal) =>
      update(zone, `update add ${name}. ${challengeTtl} TXT ${writeData('TXT', value)}`, signal),
    withdraw: (zone, name, value, signal) => update(zone, `update delete ${name}. TXT ${writeData('TXT', value)}`, signal),
    async isVisible(zone, name, value, signal) {
      if (!(await textsAt(deps.spawn, declared, name, signal))?.includes(value)) return false
      const others = await serversNow(deps, declared, zone, signal)
      const seen = await Promise.all(
        others.flatMap(({ addresses }) =>
          addresses.map(server => textsAt(deps.others ?? deps.spawn, { server, port: 53 }, name, signal)),
        ),
      )
      return seen.every(texts => texts === undefined || texts.includes(value))
    },
  }
}

/** TXT values that one server itself answers with; undefined when it cannot be asked, or does not answer for the name. */
async function textsAt(
  spawn: Spawn,
  place: Pick<Rfc2136Provider, 'server' | 'port'>,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const answer = await ask(spawn, place, [{ name, type: 'TXT' }], signal)
  if (!isOwnAnswer(answer)) return undefined
  return readZoneText(answer)
    .filter(set => set.name === name && set.type === 'TXT')
    .flatMap(set => set.values)
}

/** The zone's other servers, without a transfer of it. */
async function serversNow({ spawn, resolve }: Rfc2136Deps, declared: Rfc2136Provider, zone: string, signal: AbortSignal) {
  return otherServers(zone, setsIn(await ask(spawn, declared, [{ name: zone, type: 'NS' }], signal)), declared, resolve)
}

/** Registry records are taken out, and say which of the other sets are ours. */
export function contentOf(found: readonly FoundSet[], owner: string): ZoneContent {
  const ours = new Set<string>()
  const sets = new Map<string, FoundSet>()
  for (const set of found) {
    const of = set.type === 'TXT' ? registered(set.name) : undefined
    if (of === undefined) sets.set(setKey(set), set)
    else if (set.values.includes(registryText(owner))) ours.add(`${of.name}/${of.type}`)
  }
  return { sets, ours: new Set([...ours].filter(key => sets.has(key))) }
}

/** Corrections in parts that fit into one message each. */
export function inMessages(zone: string, corrections: readonly Correction[], owner: string): readonly (readonly Correction[])[] {
  const parts: Correction[][] = []
  let room = 0
  for (const correction of corrections) {
    const bytes = correctionLines(correction, owner).reduce((sum, line) => sum + wireSize(line, zone), 0)
    if (bytes > room) {
      parts.push([])
      room = largestUpdate
    }
    room -= bytes
    parts.at(-1)?.push(correction)
  }
  return parts
}

/**
 * One update that makes all corrections. A set that is not as it was read is a prerequisite that fails, and with it the
 * whole message (RFC 2136, 2.4).
 */
export const scriptOf = (zone: string, corrections: readonly Correction[], owner: string): string =>
  `zone ${zone}.\n${corrections.flatMap(correction => correctionLines(correction, owner)).join('\n')}\nsend\n`

/** At most what a line becomes in a message, where the end of each name points to the zone's (RFC 1035, 4.1.4). */
const wireSize = (line: string, zone: string): number => line.replaceAll(`.${zone}.`, '').length - 'prereq '.length + 4

function correctionLines(correction: Correction, owner: string): readonly string[] {
  const set = setOf(correction)
  const { before } = correction
  const name = `${set.name}.`
  const registry = `${registryName(set)}.`
  const unchanged =
    before === undefined
      ? [`prereq nxrrset ${name} ${set.type}`]
      : before.values.map(value => `prereq yxrrset ${name} IN ${set.type} ${writeData(set.type, value)}`)
  if (correction.type === 'remove') {
    return [...unchanged, `update delete ${name} ${set.type}`, `update delete ${registry} TXT`]
  }
  return [
    ...unchanged,
    `update delete ${name} ${set.type}`,
    ...set.values.map(value => `update add ${name} ${set.ttl} ${set.type} ${writeData(set.type, value)}`),
    `update delete ${registry} TXT`,
    `update add ${registry} ${registryTtl} TXT ${writeData('TXT', registryText(owner))}`,
  ]
}

/** All records of a zone, a line each, as the key signs them from the first to the last. */
async function transfer(declared: Rfc2136Provider, deps: Rfc2136Deps, zone: string, signal: AbortSignal): Promise<string> {
  await using passage = await openPassage(declared)
  const through = { ...declared, server: '127.0.0.1', port: passage.port }
  const { code, stdout, stderr } = await dig(through, deps, ['+noall', '+answer', '+onesoa', `${zone}.`, 'AXFR'], signal)
  if (code === 0 && serialOf(stdout) !== undefined) {
    // dig prints what it could not verify, and a complaint beside it.
    if (passage.isSigned() && !/^;/m.test(stdout)) return stdout
    throw unsigned(declared, zone)
  }
  // The words of a transfer that failed do not say why; those of a simple question do.
  const asked = await dig(declared, deps, ['+noall', '+comments', `${zone}.`, 'SOA'], signal)
  throw refusal(declared, zone, `${stdout}\n${stderr}\n${asked.stdout}\n${asked.stderr}`)
}

async function dig(
  { server, port, key, algorithm }: Rfc2136Provider,
  { spawn, secret }: Rfc2136Deps,
  question: readonly string[],
  signal: AbortSignal,
): Promise<SpawnResult> {
  const words = [
    `@${server}`,
    '-p',
    String(port),
    '-y',
    `${algorithm}:${key}:${await secret()}`,
    '+tcp',
    '+tries=1',
    `+time=${patience}`,
  ]
  // From standard input, so that the key stands in no list of processes.
  return spawn(['/usr/bin/dig', '-f', '/dev/stdin'], {
    stdin: `${[...words, ...question].join(' ')}\n`,
    timeout: (patience + 5) * 1_000,
    maxOutput: 64 * 1024 * 1024,
    signal,
  })
}

async function nsupdate(
  declared: Rfc2136Provider,
  { spawn, secret }: Rfc2136Deps,
  zone: string,
  script: string,
  signal: AbortSignal,
): Promise<void> {
  const { server, port, key, algorithm } = declared
  const result: SpawnResult = await spawn(['/usr/bin/nsupdate', '-v', '-t', String(patience)], {
    stdin: `server ${server} ${port}\nkey ${algorithm}:${key} ${await secret()}\n${script}`,
    timeout: (patience + 5) * 1_000,
    signal,
  })
  if (result.code !== 0) throw refusal(declared, zone, `${result.stdout}\n${result.stderr}`)
}

function unsigned({ name, server, port, key }: Rfc2136Provider, zone: string): ApplianceError {
  const hint = `none of it is believed: somebody on the way may change it; if nobody does, compare providers.${name} of dns.yaml with the server`
  const message = `the zone ${zone} comes from ${server}:${port} without the signature of the TSIG key ${key}`
  return new ApplianceError('stalled', message, { subject: `dns/${zone}`, hint })
}

/** Why the server did not do it, and what to do. */
export function refusal({ name, server, port, key }: Rfc2136Provider, zone: string, words: string): ApplianceError {
  const at = `${server}:${port}`
  const stalled = (message: string, hint: string) => new ApplianceError('stalled', message, { subject: `dns/${zone}`, hint })
  // Nothing was sent: the mark beside a long name does not fit into DNS any more.
  const unwritten = /^invalid owner name: .*$|^syntax error$/m.exec(words)?.[0]
  if (unwritten !== undefined)
    return stalled(`nsupdate cannot write this (${unwritten})`, 'a name with its mark has at most 253 characters: shorten it')
  if (/BADTIME/.test(words))
    return stalled(`${at} has another time than this machine`, 'set the clocks right: TSIG allows five minutes')
  if (/BADKEY|BADSIG|tsig indicates error|tsig verify failure|expected a TSIG/i.test(words)) {
    const hint = `compare its name, algorithm and secret with providers.${name} of dns.yaml, and the clocks of both machines`
    return stalled(`${at} does not accept the TSIG key ${key}`, hint)
  }
  if (/NXRRSET|YXRRSET/.test(words))
    return new ApplianceError('failed', `somebody else changed ${zone} at the same time`, { hint: 'it is looked at again' })
  if (/update failed: REFUSED/.test(words)) {
    const hint = `its log says why: the key needs update-policy { grant ${key} zonesub any; }, and BIND takes no mail server of the zone without an address`
    return stalled(`${at} refuses this change of ${zone}`, hint)
  }
  if (/NOTAUTH|NOTZONE|SERVFAIL|REFUSED|Transfer failed/.test(words)) {
    const access = `update-policy { grant ${key} zonesub any; }; allow-transfer { key ${key}; };`
    const hint = `for BIND: rndc addzone ${zone} '{ type primary; file "${zone}.db"; ${access} };' — a zone that is there needs: ${access}`
    return new NoSuchZone(`${at} does not serve the zone ${zone} to the key ${key}`, hint, zone)
  }
  return new ApplianceError('waiting', `the DNS server ${at} does not answer`, {
    subject: `dns/${zone}`,
    hint: 'it is asked again',
  })
}

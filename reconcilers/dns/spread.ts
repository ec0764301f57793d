import { type Correction, hasIt, type Lack, type Provider, setKey, setOf, type Wanted, type ZoneContent } from './provider.ts'

/** How far the other servers of a zone are with what was written. */
export interface Spread {
  /** Why sets are not ready yet, by key; why the zone itself is not, under its name. */
  readonly waits: ReadonlyMap<string, string>
  /** Of sets, and of the zone, that count as ready although a server has not got them. */
  readonly notes: ReadonlyMap<string, string>
}

/** What is known of a zone's other servers. */
export interface Followed {
  readonly zone: string
  /** As it was read last at the server that is written to. */
  readonly content: ZoneContent
  readonly provider: Provider
  /** Its servers were not asked since this process began. */
  readonly isUnasked: boolean
  /** What is waited for, by key. */
  readonly pending: ReadonlyMap<string, Wanted>
  /** Grows with each change: an answer to an older question says nothing of it. */
  readonly version: number
  /** Of the last change; milliseconds, as `askedAt` by a clock that nobody sets. */
  readonly since: number
  /** Who lacks what, as they answered last; undefined before that. */
  readonly lacking: readonly Lack[] | undefined
  /** Servers that are waited for no longer, by name. */
  readonly given: ReadonlyMap<string, Lack>
  /** What those have not got, by key. */
  readonly missed: ReadonlyMap<string, Wanted>
  readonly askedAt: number
}

/** Sets that are remembered as missing somewhere. */
const mostMissed = 1_000

export const unasked = (zone: string, content: ZoneContent, provider: Provider, at: number): Followed => ({
  ...{ zone, content, provider, isUnasked: content.ours.size > 0, pending: new Map(), version: 0, since: at },
  ...{ lacking: undefined, given: new Map(), missed: new Map(), askedAt: at },
})

export function withLook(zone: Followed, content: ZoneContent, provider: Provider): Followed {
  const hasAll = [...zone.pending].every(([key, wanted]) => hasIt(wanted, content.sets.get(key)?.values ?? []))
  // Read before the last change: its serial says nothing of that.
  return { ...zone, provider, content: hasAll ? content : withoutSerial(content) }
}

const withoutSerial = ({ serial: _, ...content }: ZoneContent): ZoneContent => content

export function withWritten(zone: Followed, corrections: readonly Correction[], at: number): Followed {
  const written = corrections.map((one): [string, Wanted] => [setKey(setOf(one)), wantedOf(one)])
  const pending = new Map([...zone.pending, ...written])
  return { ...zone, content: withoutSerial(zone.content), pending, version: zone.version + 1, since: at, lacking: undefined }
}

function wantedOf(correction: Correction): Wanted {
  const { name, type } = setOf(correction)
  const values = correction.type === 'put' ? correction.set.values : undefined
  return { name, type, values, before: correction.before?.values ?? [] }
}

/** What its servers are asked for; the last of it counts most. Before anything was written, that is what is ours. */
export function wantedIn({ content, missed, pending }: Followed): readonly Wanted[] {
  const wanted = [...missed.values(), ...pending.values()]
  if (wanted.length > 0) return wanted
  return [...content.ours].flatMap(key => {
    const set = content.sets.get(key)
    return set === undefined ? [] : [{ name: set.name, type: set.type, values: set.values, before: [] }]
  })
}

/** With its servers' answers; `isLate` when none is waited for any longer. */
export function withAnswers(zone: Followed, lacking: readonly Lack[], at: number, isLate: boolean): Followed {
  // Who does not answer when nothing was changed is not waited for: nobody knows that it lacks anything.
  const isWaitedFor = ({ server, why }: Lack) =>
    !isLate && !zone.given.has(server) && !(zone.pending.size === 0 && why === 'silent')
  const asked = { ...zone, lacking, askedAt: at }
  if (lacking.some(isWaitedFor)) return asked
  const missed = lacking.length === 0 ? [] : [...zone.missed, ...zone.pending].slice(-mostMissed)
  const given = new Map(lacking.map(lack => [lack.server, lack]))
  return { ...asked, isUnasked: false, pending: new Map(), given, missed: new Map(missed) }
}

export const isWaitedFor = ({ isUnasked, pending }: Followed): boolean => isUnasked || pending.size > 0

/** Undefined when there is nothing to say. */
export function spreadOf(zone: Followed): Spread | undefined {
  const { given, missed, pending } = zone
  if (!isWaitedFor(zone) && given.size === 0) return undefined
  const waits = isWaitedFor(zone) ? [zone.zone, ...pending.keys()].map(key => [key, waitOf(zone)] as const) : []
  const note = noteOf([...given.values()])
  const notes = note === undefined ? [] : [zone.zone, ...missed.keys()].map(key => [key, note] as const)
  return { waits: new Map(waits), notes: new Map(notes) }
}

/** For a person: who is not waited for. */
export const noteOf = (given: readonly Lack[]): string | undefined =>
  given.length === 0 ? undefined : `without ${lackWords(given)}; it is not waited for`

/** For a person: what is waited for. */
export function waitOf({ zone, lacking, given }: Followed): string {
  const waited = lacking?.filter(({ server }) => !given.has(server)) ?? []
  return waited.length === 0 ? `the other servers of ${zone} are asked for it` : `waits for ${lackWords(waited)}`
}

const lackWords = (lacking: readonly Lack[]): string =>
  lacking.map(({ server, why }) => `${server}, which ${why === 'behind' ? 'has it not yet' : 'does not answer'}`).join(', and ')

import type { DnsProvider } from '../../desired-state/state.ts'
import { type ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Change, Obstacle, Plan } from '../engine/reconciler.ts'
import type { DnsItem, RecordItem, ZoneItem } from './item.ts'
import {
  type Correction,
  type FoundSet,
  isSameSet,
  NoSuchZone,
  placeOf,
  sameValues,
  setKey,
  setOf,
  type ZoneContent,
} from './provider.ts'
import type { Spread } from './spread.ts'

/** A zone at one of its servers. */
export interface ObservedZone {
  readonly zone: string
  readonly provider: DnsProvider
  /** What is there, or why it could not be read. */
  readonly content: ZoneContent | ApplianceError
  /** It is declared no more, or elsewhere; what is ours there is to go. */
  readonly left?: true
  /** How far its other servers are; absent: nothing is missing anywhere. */
  readonly spread?: Spread
}

interface Place {
  readonly zone: string
  readonly provider: DnsProvider
}

export type DnsAction =
  | (Place & { readonly type: 'correct'; readonly correction: Correction })
  | (Place & { readonly type: 'create' })

type DnsChange = Change<DnsAction>

/** Pure: what is declared against what the servers have. Removals come first, so that a CNAME can take the place of an address. */
export function planRecords(
  kind: string,
  desired: ReadonlyMap<string, DnsItem>,
  observed: readonly ObservedZone[],
): Plan<DnsAction> {
  const parts = [...observed.map(place => surplus(kind, desired, place)), ...planItems(kind, desired, observed)]
  return {
    changes: parts.flatMap(({ change }) => change ?? []),
    obstacles: parts.flatMap(({ obstacles }) => obstacles ?? []),
    notes: new Map(parts.flatMap(({ note }) => (note === undefined ? [] : [note]))),
    unseen: unseenZones(kind, desired, observed),
  }
}

/** Zones that nobody could read, as far as records of this kind are wanted there. */
function unseenZones(
  kind: string,
  desired: ReadonlyMap<string, DnsItem>,
  observed: readonly ObservedZone[],
): ReadonlyMap<string, string> {
  const isWanted = (name: string) =>
    kind === 'dns-record' || desired.values().some(({ type, zone }) => type !== 'zone' && zone === name)
  const unread = observed.flatMap(({ zone, content, left }) => {
    if (!(content instanceof Error) || (!left && !isWanted(zone))) return []
    return content instanceof NoSuchZone && isCreated(desired, zone) ? [] : [[zone, explain(content)] as const]
  })
  return new Map(unread)
}

/** In the order of their keys; mostly there is nothing to say, and nothing to put in order. */
function planItems(kind: string, desired: ReadonlyMap<string, DnsItem>, observed: readonly ObservedZone[]): readonly Part[] {
  const parts: (readonly [string, Part])[] = []
  for (const [key, item] of desired) {
    const part = planItem(kind, key, desired, item, observed)
    if (part !== nothing) parts.push([key, part])
  }
  return parts.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part)
}

const nothing: Part = {}

interface Part {
  readonly change?: readonly DnsChange[]
  readonly obstacles?: readonly Obstacle[]
  readonly note?: readonly [string, string]
}

/** What is ours and declared no more. */
function surplus(kind: string, desired: ReadonlyMap<string, DnsItem>, place: ObservedZone): Part {
  const { zone, provider, content, left, spread } = place
  if (content instanceof Error) return left ? { obstacles: [leftBehind(place, content)] } : {}
  const gone = [...content.ours].filter(key => left || !desired.has(key)).sort()
  return {
    change: gone.flatMap(key => {
      const before = content.sets.get(key)
      return before === undefined ? [] : [correct(kind, { zone, provider }, { type: 'remove', before })]
    }),
    obstacles: [...(spread?.waits ?? [])].flatMap(([key, message]) =>
      desired.has(key) || content.ours.has(key) || key === zone ? [] : [spreading(key, message)],
    ),
  }
}

/** At the server that is written to, and not everywhere yet. */
const spreading = (key: string, message: string): Obstacle => ({ key, state: 'reconciling', reason: 'propagating', message })

function leftBehind({ zone, provider }: ObservedZone, error: ApplianceError): Obstacle {
  const message = `${zone} has left dns.yaml, and records from here may still be at ${placeOf(provider)}: ${explain(error)}. They are removed as soon as that can be done; remove them by hand and say so with: dns forget ${zone}`
  return { key: zone, state: error.kind === 'stalled' ? 'stalled' : 'waiting', reason: 'left-behind', message }
}

function planItem(
  kind: string,
  key: string,
  desired: ReadonlyMap<string, DnsItem>,
  item: DnsItem,
  observed: readonly ObservedZone[],
): Part {
  const place = observed.find(({ zone, left }) => zone === item.zone && !left)
  if (item.type === 'zone') return planZone(kind, key, item, place)
  const found = place === undefined || place.content instanceof Error ? undefined : place.content.sets.get(key)
  const isMade = place?.content instanceof NoSuchZone && isCreated(desired, item.zone)
  const obstacle = isMade ? beingMade(key) : inTheWay(key, item, place, found)
  if (obstacle !== undefined) return { obstacles: [obstacle] }
  if (place === undefined) return {}
  if (found !== undefined && isSameSet(item, found)) return spreadPart(key, place)
  const { name, type, ttl, values, proxied } = item
  const set = { name, type, ttl, values, ...(proxied && { proxied }) }
  return { change: [correct(kind, place, { type: 'put', set, before: found })] }
}

function planZone(kind: string, key: string, item: ZoneItem, place: ObservedZone | undefined): Part {
  const { zone, provider, create } = item
  const content = place?.content
  if (content instanceof NoSuchZone && create)
    return kind === 'dns-record' ? { change: [make(kind, { zone, provider })] } : { obstacles: [beingMade(key)] }
  if (content instanceof Error) return { obstacles: [unread(key, content)] }
  if (content?.unseen !== undefined) {
    return { obstacles: [{ key, state: 'waiting', reason: 'not-delegated', message: content.unseen }] }
  }
  const count = content?.ours.size ?? 0
  const kept = `${count} of its records ${count === 1 ? 'is' : 'are'} kept from here, at ${placeOf(provider)}`
  const { note: [, missing] = [], ...part } = place === undefined ? nothing : spreadPart(key, place)
  return { ...part, note: [key, missing === undefined ? kept : `${kept}, ${missing}`] }
}

/** Of what the server that is written to has as declared. */
function spreadPart(key: string, { spread }: ObservedZone): Part {
  const wait = spread?.waits.get(key)
  if (wait !== undefined) return { obstacles: [spreading(key, wait)] }
  const note = spread?.notes.get(key)
  return note === undefined ? nothing : { note: [key, note] }
}

const isCreated = (desired: ReadonlyMap<string, DnsItem>, zone: string): boolean => {
  const item = desired.get(zone)
  return item?.type === 'zone' && item.create
}

const beingMade = (key: string): Obstacle => ({ key, state: 'waiting', reason: 'zone-made', message: 'its zone is made first' })

function unread(key: string, { kind, message, hint }: ApplianceError): Obstacle {
  const state = kind === 'stalled' ? 'stalled' : 'waiting'
  return { key, state, reason: 'dns-server', message: hint === undefined ? message : `${message}: ${hint}` }
}

function inTheWay(
  key: string,
  item: RecordItem,
  place: ObservedZone | undefined,
  found: FoundSet | undefined,
): Obstacle | undefined {
  if (item.values.length === 0) {
    const message =
      'this machine has no public address of its own: write those that the world reaches it by into public_addresses of settings.yaml'
    return { key, state: 'waiting', reason: 'no-public-address', message }
  }
  if (place === undefined) return undefined
  const { content } = place
  if (content instanceof Error) return unread(key, content)
  if (found === undefined || item.adopt || isSameSet(item, found)) return undefined
  const theirs = content.ours.has(key) ? (found.theirs ?? []).filter(value => !item.values.includes(value)) : found.values
  if (theirs.length === 0) return undefined
  const what = sameValues(item.values, found.values)
    ? `${item.name} has ${item.type} ${theirs.join(', ')} with another time or another way, which was not made here: declare it as it is`
    : `${item.name} has ${item.type} ${theirs.join(', ')}, which was not made here: remove it at ${placeOf(place.provider)}, or remove it from the declaration`
  return { key, state: 'stalled', reason: 'foreign', message: `${what}, or say adopt: true to take it over` }
}

function correct(kind: string, { zone, provider }: Place, correction: Correction): DnsChange {
  const { before } = correction
  const after = correction.type === 'put' ? correction.set : undefined
  const words = { put: before === undefined ? 'create' : 'update', remove: 'delete' } as const
  const through = (set: FoundSet | undefined) => (set?.proxied ? 'yes' : '')
  return {
    kind,
    key: setKey(setOf(correction)),
    operation: words[correction.type],
    summary: after === undefined ? `take it out of ${zone}` : `${after.values.join(', ')}`,
    fields: [
      { name: 'values', before: before?.values.join(', ') ?? '', after: after?.values.join(', ') ?? '' },
      { name: 'ttl', before: String(before?.ttl ?? ''), after: String(after?.ttl ?? '') },
      { name: 'proxied', before: through(before), after: through(after) },
    ].filter(field => field.before !== field.after),
    action: { type: 'correct', zone, provider, correction },
  }
}

const make = (kind: string, { zone, provider }: Place): DnsChange => ({
  ...{ kind, key: zone, operation: 'create', summary: `make the zone at ${placeOf(provider)}`, fields: [] },
  action: { type: 'create', zone, provider },
})

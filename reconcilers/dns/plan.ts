import type { DnsProvider } from '../../desired-state/state.ts'
import type { ApplianceError } from '../../runtime/os/errors.ts'
import type { Change, Obstacle, Plan } from '../engine/reconciler.ts'
import type { DnsItem, RecordItem } from './item.ts'
import { type Correction, type FoundSet, setKey, type ZoneContent } from './provider.ts'

export interface ObservedZone {
  readonly provider: DnsProvider
  /** What is there, or why it could not be read. */
  readonly content: ZoneContent | ApplianceError
}

export interface DnsAction {
  readonly zone: string
  readonly provider: DnsProvider
  readonly correction: Correction
}

type DnsChange = Change<DnsAction>

/** Pure: what is declared against what the servers have. */
export function planRecords(
  kind: string,
  desired: ReadonlyMap<string, DnsItem>,
  zones: ReadonlyMap<string, ObservedZone>,
): Plan<DnsAction> {
  const changes: DnsChange[] = []
  const obstacles: Obstacle[] = []
  const notes = new Map<string, string>()
  for (const [zone, { provider, content }] of zones) {
    if (content instanceof Error) continue
    for (const key of [...content.ours].filter(one => !desired.has(one)).sort()) {
      const before = content.sets.get(key)
      if (before !== undefined) changes.push(change(kind, zone, provider, { type: 'remove', before }))
    }
  }
  for (const [key, item] of [...desired].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const zone = zones.get(item.zone)
    if (item.type === 'zone') {
      if (zone?.content instanceof Error) obstacles.push(unread(key, zone.content))
      else notes.set(key, `${zone?.content.ours.size ?? 0} of its records are kept from here, at ${item.provider.server}`)
      continue
    }
    const found = zone === undefined || zone.content instanceof Error ? undefined : zone.content.sets.get(key)
    const obstacle = inTheWay(key, item, zone, found)
    if (obstacle !== undefined) obstacles.push(obstacle)
    else if (zone !== undefined && !isSame(item, found)) {
      const { name, type, ttl, values } = item
      changes.push(change(kind, item.zone, zone.provider, { type: 'put', set: { name, type, ttl, values }, before: found }))
    }
  }
  return { changes, obstacles, notes }
}

const isSame = (item: FoundSet, found: FoundSet | undefined) =>
  found !== undefined && found.ttl === item.ttl && sameValues(item, found)

const sameValues = (one: FoundSet, other: FoundSet) =>
  one.values.length === other.values.length && one.values.every((value, index) => value === other.values[index])

function unread(key: string, { kind, message, hint }: ApplianceError): Obstacle {
  const state = kind === 'stalled' ? 'stalled' : 'waiting'
  return { key, state, reason: 'dns-server', message: hint === undefined ? message : `${message}: ${hint}` }
}

function inTheWay(
  key: string,
  item: RecordItem,
  zone: ObservedZone | undefined,
  found: FoundSet | undefined,
): Obstacle | undefined {
  if (item.values.length === 0) {
    const message =
      'this machine has no public address of its own: write those that the world reaches it by into public_addresses of settings.yaml'
    return { key, state: 'waiting', reason: 'no-public-address', message }
  }
  if (zone === undefined) return undefined
  const { content } = zone
  if (content instanceof Error) return unread(key, content)
  if (found === undefined || content.ours.has(key) || sameValues(item, found)) return undefined
  const message = `${item.name} has ${item.type} ${found.values.join(', ')}, which was not made here: remove it at ${zone.provider.server}, or remove it from the declaration`
  return { key, state: 'stalled', reason: 'foreign', message }
}

function change(kind: string, zone: string, provider: DnsProvider, correction: Correction): DnsChange {
  const set = correction.type === 'put' ? correction.set : correction.before
  const { before } = correction
  const words = { put: before === undefined ? 'create' : 'update', remove: 'delete' } as const
  const after = correction.type === 'put' ? correction.set : undefined
  return {
    kind,
    key: setKey(set),
    operation: words[correction.type],
    summary: after === undefined ? `take it out of ${zone}` : `${after.values.join(', ')}`,
    fields: [
      { name: 'values', before: before?.values.join(', ') ?? '', after: after?.values.join(', ') ?? '' },
      { name: 'ttl', before: String(before?.ttl ?? ''), after: String(after?.ttl ?? '') },
    ].filter(field => field.before !== field.after),
    action: { zone, provider, correction },
  }
}

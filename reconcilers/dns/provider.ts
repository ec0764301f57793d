import type { DnsProvider as Declared, DnsRecordSet } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Look } from '../engine/reconciler.ts'

/** What a server has of one name and type. */
export type FoundSet = Pick<DnsRecordSet, 'name' | 'type' | 'ttl' | 'values' | 'proxied'> & {
  /** Values among them that are not ours, where others are. */
  readonly theirs?: readonly string[]
}

/** All of a zone that can be declared, and what of it is ours. */
export interface ZoneContent {
  /** By {@link setKey}. */
  readonly sets: ReadonlyMap<string, FoundSet>
  /** Keys of the sets that carry the mark of this appliance. */
  readonly ours: ReadonlySet<string>
  /** What keeps the world from seeing the zone, for a person; absent: nothing known. */
  readonly unseen?: string
  /** Of its SOA record, where the server has one to tell. */
  readonly serial?: number
}

/** What was written of one set, as others of the zone's servers are to have it. */
export interface Wanted extends Pick<FoundSet, 'name' | 'type'> {
  /** Undefined: it was taken out. */
  readonly values: readonly string[] | undefined
  readonly before: readonly string[]
}

/** A server of the zone that has not what was written: it answers without it, or not at all. */
export interface Lack {
  /** As the zone names it. */
  readonly server: string
  readonly why: 'behind' | 'silent'
}

/** One correction of a zone: afterwards the set is exactly this, and ours; or gone. */
export type Correction =
  | { readonly type: 'put'; readonly set: FoundSet; readonly before: FoundSet | undefined }
  | { readonly type: 'remove'; readonly before: FoundSet }

/**
 * A server that answers for zones. It reads what is there and makes corrections, and decides nothing.
 *
 * - `read` throws NoSuchZone when the zone is not there, `stalled` when the key is refused, `waiting` when the server does
 *   not answer or asks to be left alone for a while. An answer that is not whole is no answer.
 * - `change` makes all corrections of one zone, with their marks, at once or in as few messages as the server takes; it
 *   gives why, by key, for those that it could not make, and throws `waiting` when the server does not answer. Nothing
 *   that is not named is touched, and no set that somebody else changed since it was read. Where it is not known whether
 *   a message was obeyed, it looks before anything is repeated.
 */
export interface Provider {
  read(zone: string, signal: AbortSignal): Promise<ZoneContent>
  change(zone: string, corrections: readonly Correction[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>>
  /** Makes a zone that is not there, where the server can; one that is there already is as good. */
  create?(zone: string, signal: AbortSignal): Promise<void>
  /**
   * Asks the zone's other servers, which get it from the one that is written to, whether they have it as far as `content`,
   * the last that was read; those that lack it. Absent: what this one says is all that there is to know.
   */
  lacking?(zone: string, content: ZoneContent, wanted: readonly Wanted[], signal: AbortSignal): Promise<readonly Lack[]>
  /** Absent: no certificate can be proven over DNS in its zones. */
  readonly challenges?: Challenges
}

/**
 * TXT values of a moment, by which a certificate authority sees that a name is ours (DNS-01, RFC 8555, 8.4). They carry no
 * mark, so that the records that are kept take no notice of them; whoever presents one withdraws it, also after a death.
 * Each throws like `read`.
 */
export interface Challenges {
  /** Adds one value beside others of the same name. Nothing happens when it is there. */
  present(zone: string, name: string, value: string, signal: AbortSignal): Promise<void>
  /** Takes this one value away and no other. Nothing happens when it is gone. */
  withdraw(zone: string, name: string, value: string, signal: AbortSignal): Promise<void>
  /** Whether every server of the zone that can be reached answers with this value by now; the one that is written to has to. */
  isVisible(zone: string, name: string, value: string, signal: AbortSignal): Promise<boolean>
}

/** For a preview, one that has the secrets of a preview. */
export type Providers = (declared: Declared, look?: Look) => Provider

/** The server has no such zone, or shows none to us. */
export class NoSuchZone extends ApplianceError {
  constructor(message: string, hint: string, zone: string) {
    super('stalled', message, { subject: `dns/${zone}`, hint })
  }
}

export const setKey = ({ name, type }: Pick<FoundSet, 'name' | 'type'>): string => `${name}/${type}`

export const setOf = (correction: Correction): FoundSet => (correction.type === 'put' ? correction.set : correction.before)

/** Where it is, as a person would call it. */
export const placeOf = (declared: Declared): string => (declared.type === 'cloudflare' ? 'Cloudflare' : declared.server)

export const sameValues = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value, index) => value === other[index])

/** Whether values that a server has are what was written. */
export const hasIt = ({ values, before }: Wanted, found: readonly string[]): boolean =>
  values === undefined ? !sameValues(before, found) : sameValues(values, found)

export const isSameSet = (one: FoundSet, other: FoundSet): boolean =>
  one.ttl === other.ttl && (one.proxied ?? false) === (other.proxied ?? false) && sameValues(one.values, other.values)

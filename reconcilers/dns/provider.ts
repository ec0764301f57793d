import type { DnsProvider as Declared, DnsRecordSet } from '../../desired-state/state.ts'

/** What a server has of one name and type. */
export type FoundSet = Pick<DnsRecordSet, 'name' | 'type' | 'ttl' | 'values'>

/** All of a zone that can be declared, and what of it is ours. */
export interface ZoneContent {
  /** By {@link setKey}. */
  readonly sets: ReadonlyMap<string, FoundSet>
  /** Keys of the sets that carry the mark of this appliance. */
  readonly ours: ReadonlySet<string>
}

/** One correction of a zone: afterwards the set is exactly this, and ours; or gone. */
export type Correction =
  | { readonly type: 'put'; readonly set: FoundSet; readonly before: FoundSet | undefined }
  | { readonly type: 'remove'; readonly before: FoundSet }

/**
 * A server that answers for zones. It reads what is there and makes corrections, and decides nothing.
 *
 * - `read` throws `stalled` when the zone is not there or the key is refused, `waiting` when the server does not answer.
 * - `change` makes all corrections of one zone, with their marks, at once or in as few messages as the server takes; it
 *   gives why, by key, for those that it could not make, and throws `waiting` when the server does not answer. Nothing
 *   that is not named is touched, and no set that somebody else changed since it was read.
 */
export interface Provider {
  read(zone: string, signal: AbortSignal): Promise<ZoneContent>
  change(zone: string, corrections: readonly Correction[], signal: AbortSignal): Promise<ReadonlyMap<string, Error>>
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

export type Providers = (declared: Declared) => Provider

export const setKey = ({ name, type }: Pick<FoundSet, 'name' | 'type'>): string => `${name}/${type}`

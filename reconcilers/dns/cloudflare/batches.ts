import { ApplianceError } from '../../../runtime/os/errors.ts'
import { type Correction, sameValues, setKey, setOf } from '../provider.ts'
import { fieldsOf, type LiveRecord, markOf, type RecordFields } from './records.ts'

/** One request; Cloudflare makes the deletes first, then patches, then posts, all of them or none. */
export interface Batch {
  readonly deletes: readonly { readonly id: string }[]
  readonly patches: readonly (RecordFields & { readonly id: string })[]
  readonly posts: readonly RecordFields[]
}

/** Operations of one request, on any plan of Cloudflare's. */
export const mostOperations = 200

export const sizeOf = ({ deletes, patches, posts }: Batch): number => deletes.length + patches.length + posts.length

/** What makes one correction true: records that stay as they are stand in it nowhere. */
export function operationsOf(correction: Correction, live: readonly LiveRecord[], owner: string): Batch {
  const mark = markOf(owner)
  if (correction.type === 'remove') {
    return { deletes: live.filter(({ comment }) => comment === mark).map(({ id }) => ({ id })), patches: [], posts: [] }
  }
  const { set } = correction
  const isAsDeclared = ({ ttl, proxied, comment }: LiveRecord) =>
    ttl === set.ttl && proxied === (set.proxied ?? false) && comment === mark
  const wanted = new Set(set.values)
  const kept = new Map<string, LiveRecord>()
  for (const record of live) if (wanted.has(record.value) && !kept.has(record.value)) kept.set(record.value, record)
  const spare = live.filter(record => kept.get(record.value) !== record)
  const missing = set.values.filter(value => !kept.has(value))
  const fields = (value: string) => fieldsOf(set, value, mark)
  const reused = spare.slice(0, missing.length).map(({ id }, index) => ({ id, ...fields(missing[index] ?? '') }))
  const altered = [...kept.values()].filter(record => !isAsDeclared(record)).map(({ id, value }) => ({ id, ...fields(value) }))
  return {
    deletes: spare.slice(missing.length).map(({ id }) => ({ id })),
    patches: [...altered, ...reused],
    posts: missing.slice(spare.length).map(fields),
  }
}

export const together = (batches: readonly Batch[]): Batch => ({
  deletes: batches.flatMap(({ deletes }) => deletes),
  patches: batches.flatMap(({ patches }) => patches),
  posts: batches.flatMap(({ posts }) => posts),
})

/** Corrections in parts that fit into one request each; those of one name stay together, so that a CNAME can make room. */
export function inRequests(
  corrections: readonly Correction[],
  live: ReadonlyMap<string, readonly LiveRecord[]>,
  owner: string,
): readonly (readonly Correction[])[] {
  const parts: Correction[][] = []
  let room = 0
  for (const own of Map.groupBy(corrections, correction => setOf(correction).name).values()) {
    const size = sizeOf(together(own.map(one => operationsOf(one, live.get(setKey(setOf(one))) ?? [], owner))))
    if (size > room || parts.length === 0) {
      parts.push([])
      room = mostOperations
    }
    room -= size
    parts.at(-1)?.push(...own)
  }
  return parts
}

/** Why a correction may not be made: the set is not as it was when it was decided. */
export function changedMeanwhile(correction: Correction, live: readonly LiveRecord[], owner: string): ApplianceError | undefined {
  const { before } = correction
  const mark = markOf(owner)
  const counted = correction.type === 'remove' ? live.filter(({ comment }) => comment === mark) : live
  const theirs = new Set(correction.type === 'remove' ? before?.theirs : [])
  const expected = before?.values.filter(value => !theirs.has(value)) ?? []
  if (sameValues(counted.map(({ value }) => value).sort(), expected)) return undefined
  return new ApplianceError('failed', `somebody else changed ${setKey(setOf(correction))} at the same time`, {
    hint: 'it is looked at again',
  })
}

/** Whether a correction is true already. */
export function isMade(correction: Correction, live: readonly LiveRecord[], owner: string): boolean {
  return sizeOf(operationsOf(correction, live, owner)) === 0
}

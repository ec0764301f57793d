import { createHash } from 'node:crypto'

/** JSON whose text does not depend on the order in which keys were set; maps and sets become sorted arrays. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (inner instanceof Map) return [...inner].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    if (inner instanceof Set) return [...inner].sort()
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** SHA-256 in hex over the canonical form. */
export const digest = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex')

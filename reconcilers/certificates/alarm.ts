import type { StoredCertificate } from './stored.ts'

const hour = 3_600_000
const day = 24 * hour
/** Days before the end at which a certificate of ninety days that could not be renewed is told of louder. */
const alarms = [1, 7, 21]
const usualLife = 90

/**
 * The closest alarm that has gone off, as a word for programs: `ends-within-7-days`. A life that is shorter than ninety days
 * has them closer to its end by as much. `left`: milliseconds.
 */
export function alarmOf({ begin, end }: Pick<StoredCertificate, 'begin' | 'end'>, left: number): string | undefined {
  const share = Math.min(1, (end - begin) / (usualLife * day))
  const at = alarms.map(days => days * day * share).find(before => left < before)
  if (at === undefined) return undefined
  return at >= 2 * day || share === 1
    ? `ends-within-${Math.round(at / day)}-days`
    : `ends-within-${Math.max(1, Math.round(at / hour))}-hours`
}

/** `in 12 days`, `in 5 hours`. */
export function inWords(left: number): string {
  if (left >= 2 * day) return `in ${Math.floor(left / day)} days`
  if (left >= 2 * hour) return `in ${Math.floor(left / hour)} hours`
  return left >= hour ? 'in an hour' : `in ${Math.max(1, Math.floor(left / 60_000))} minutes`
}

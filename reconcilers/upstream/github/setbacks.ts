import { type Backoff, backoff } from '../../../runtime/os/backoff.ts'
import type { Clock } from '../../../runtime/os/clock.ts'

/** What went wrong lately, and is left alone for a while; each for itself. */
export interface Setbacks {
  /** Failures in a row. */
  count(subject: string): number
  /** Whether it is not to be tried yet. */
  isResting(subject: string): boolean
  /** Has failed: the next try is later each time. Gives the failures in a row. */
  add(subject: string): number
  /** Keeps only what is known of these. */
  retain(subjects: ReadonlySet<string>): void
}

/** Milliseconds between two tries of one that fails. */
const failing: Backoff = { first: 60_000, longest: 3_600_000 }

export function createSetbacks(clock: Clock, random: () => number): Setbacks {
  const known = new Map<string, { readonly failures: number; readonly until: number }>()
  const count = (subject: string) => known.get(subject)?.failures ?? 0
  return {
    count,
    isResting(subject) {
      const left = (known.get(subject)?.until ?? 0) - clock.now().getTime()
      // Further away than any wait: the clock was set back.
      return left > 0 && left <= 2 * failing.longest
    },
    add(subject) {
      const failures = count(subject) + 1
      known.set(subject, { failures, until: clock.now().getTime() + backoff(failing, failures, random()) })
      return failures
    },
    retain(subjects) {
      for (const subject of known.keys()) if (!subjects.has(subject)) known.delete(subject)
    },
  }
}

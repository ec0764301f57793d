import type { Clock } from '../../../runtime/os/clock.ts'

/** How often something may be done. */
export interface Pace {
  /** False: not now. True counts as done. */
  take(): boolean
  /** The last one was not done after all. */
  giveBack(): void
}

/**
 * A plan writes a comment and a status, a notice a status. GitHub lets one account write 80 times in a minute and 500 times
 * in an hour, and what else the account does counts too (docs.github.com, "Rate limits for the REST API").
 */
export const plansPace = { minute: 20, hour: 150 } as const
export const noticesPace = { minute: 20, hour: 100 } as const

export function createPace(clock: Clock, most: { readonly minute: number; readonly hour: number } = plansPace): Pace {
  let taken: readonly number[] = []
  return {
    take() {
      const now = clock.now().getTime()
      // What was done later than now was done before the clock was set back.
      taken = taken.filter(at => at <= now && now - at < 3_600_000)
      const lately = taken.filter(at => now - at < 60_000)
      if (taken.length >= most.hour || lately.length >= most.minute) return false
      taken = [...taken, now]
      return true
    },
    giveBack() {
      taken = taken.slice(0, -1)
    },
  }
}

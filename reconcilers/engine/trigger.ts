import type { Clock } from '../../runtime/os/clock.ts'
import type { Trigger } from './status.ts'

const strength: Record<Trigger, number> = { commit: 7, approval: 6, resume: 5, start: 4, retry: 3, watch: 2, drift: 1 }

/** Coalesces triggers: many while a convergence runs are one afterwards, under the name of the strongest. */
export function createTriggers(clock: Clock) {
  let pending: Trigger | undefined
  let waiting: AbortController | undefined

  return {
    wake(trigger: Trigger): void {
      if (pending === undefined || strength[trigger] > strength[pending]) pending = trigger
      waiting?.abort()
    },

    /** The next trigger; a deadline gives its own when nothing woke before. */
    async next(deadline: { readonly at: Date; readonly trigger: Trigger }, signal: AbortSignal): Promise<Trigger | undefined> {
      if (pending === undefined && !signal.aborted) {
        waiting = new AbortController()
        const milliseconds = Math.max(0, deadline.at.getTime() - clock.now().getTime())
        await clock.sleep(milliseconds, AbortSignal.any([waiting.signal, signal]))
        waiting = undefined
      }
      if (signal.aborted) return undefined
      const trigger = pending ?? deadline.trigger
      pending = undefined
      return trigger
    },
  }
}

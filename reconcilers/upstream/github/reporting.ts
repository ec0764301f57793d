import { backoff } from '../../../runtime/os/backoff.ts'
import type { Clock } from '../../../runtime/os/clock.ts'
import { explain } from '../../../runtime/os/errors.ts'
import type { Log } from '../../../runtime/os/log.ts'

export interface ReportingDeps {
  /** Says what is not said yet. */
  readonly report: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
}

/** Milliseconds between two rounds: what happens meanwhile is one. */
const breath = 1_000
const failing = { first: 2_000, longest: 300_000 }

/** Reports when woken, one round at a time, and again after what failed, later each time. Nothing else waits for it. */
export function startReporting({ report, clock, log, random }: ReportingDeps): { wake(): void; stop(): Promise<void> } {
  const stopping = new AbortController()
  let asleep = new AbortController()
  let due = true
  let failures = 0
  const round = async (): Promise<void> => {
    due = false
    try {
      await report()
      failures = 0
    } catch (error) {
      failures += 1
      due = true
      log.warn('not reported', { error: explain(error), failures })
      await clock.sleep(backoff(failing, failures, random()), stopping.signal)
    }
    await clock.sleep(breath, stopping.signal)
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      if (due) await round()
      else {
        asleep = new AbortController()
        await clock.sleep(3_600_000, AbortSignal.any([asleep.signal, stopping.signal]))
      }
    }
  }
  const running = run()
  return {
    wake() {
      due = true
      asleep.abort()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

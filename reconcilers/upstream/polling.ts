import { backoff } from '../../runtime/os/backoff.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Mirror } from './mirror.ts'

export interface PollingDeps {
  readonly mirror: Pick<Mirror, 'look' | 'followed'>
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** False while somebody has suspended it. */
  readonly wanted: () => boolean
}

/** Milliseconds between two looks that others ask for: what comes meanwhile is one look afterwards. */
const breath = 1_000
const whileAway = { first: 5_000, longest: 600_000 }

export interface Polling {
  /** Looks soon; many calls are one look. */
  wake(): void
  stop(): Promise<void>
}

/** Looks at the upstream at its interval, spread by a fifth, later each time while it is away, and when woken. */
export function startPolling({ mirror, clock, random, wanted }: PollingDeps): Polling {
  const stopping = new AbortController()
  let woken = new AbortController()
  let failures = 0

  const pause = (): number => {
    const followed = mirror.followed()
    const interval = (followed?.declared.poll_seconds ?? 60) * 1_000
    failures = followed?.problem?.reason === 'away' ? failures + 1 : 0
    if (failures > 0) return Math.max(backoff(whileAway, failures, random()), Math.min(interval, whileAway.first))
    return interval * (0.8 + random() * 0.4)
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      const startedAt = clock.now().getTime()
      woken = new AbortController()
      if (wanted()) await mirror.look()
      await clock.sleep(pause(), AbortSignal.any([woken.signal, stopping.signal]))
      // A clock that is set back meanwhile makes it no longer.
      const left = Math.min(breath, breath - (clock.now().getTime() - startedAt))
      if (left > 0) await clock.sleep(left, stopping.signal)
    }
  }
  const running = run()
  return {
    wake: () => woken.abort(),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'

/**
 * Until the runtime has answered: what was done is not lost because the runtime is being restarted. Throws when it refuses for
 * good (`invalid`), and when the signal aborts.
 */
export async function insist<T>(ask: () => Promise<T>, clock: Clock, signal?: AbortSignal): Promise<T> {
  for (let wait = 200; ; wait = Math.min(wait * 2, 2_000)) {
    signal?.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (error instanceof ApplianceError && error.kind === 'invalid') throw error
      await clock.sleep(wait, signal)
    }
  }
}

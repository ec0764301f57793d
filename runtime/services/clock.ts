/** Time and chance, handed in so that tests decide both. */
export interface Clock {
  now(): number
  /** Ends early, without an error, when the signal is given. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** From 0 up to 1. */
  random(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep(milliseconds, signal) {
    if (signal?.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      signal?.addEventListener('abort', done)
    })
  },
}

/** Milliseconds before the next start after that many failures in a row: 0.1 s doubling to 30 s, give or take a quarter. */
export function restartDelay(failures: number, random: () => number): number {
  const base = Math.min(30_000, 100 * 2 ** Math.min(failures, 16))
  return Math.round(base * (0.75 + random() / 2))
}

/** Time as an argument, so that tests hold it in their hands. */
export interface Clock {
  now(): Date
  /** Resolves after `milliseconds`, or early when the signal aborts. Never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** Milliseconds since this process began, by a clock that nobody sets: for how long something goes on. */
export type Elapsed = () => number

export const systemElapsed: Elapsed = () => performance.now()

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, milliseconds)
      signal?.addEventListener('abort', done, { once: true })
    }),
}

/** Who waits for something to become ready for an agent. */
export interface Waiting {
  wake(agent: string): void
  whenReady(agent: string, signal: AbortSignal): Promise<void>
}

export function createWaiting(): Waiting {
  const sleepers = new Map<string, Set<() => void>>()
  return {
    wake(agent) {
      const woken = sleepers.get(agent)
      sleepers.delete(agent)
      for (const wake of woken ?? []) wake()
    },
    whenReady: (agent, signal) =>
      new Promise(resolve => {
        if (signal.aborted) return resolve()
        const done = () => {
          signal.removeEventListener('abort', done)
          sleepers.get(agent)?.delete(done)
          resolve()
        }
        signal.addEventListener('abort', done, { once: true })
        const others = sleepers.get(agent) ?? new Set()
        sleepers.set(agent, others.add(done))
      }),
  }
}

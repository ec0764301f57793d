import type { Heartbeat } from '../runtime/bus/protocol.ts'

export interface VitalsDeps {
  readonly memory: () => { readonly rss: number }
  /** Microseconds of processor time since the process began. */
  readonly cpu: () => { readonly user: number; readonly system: number }
  /** Milliseconds of any clock that only goes forward. */
  readonly now: () => number
}

export const processVitals: VitalsDeps = {
  memory: () => ({ rss: process.memoryUsage.rss() }),
  cpu: () => process.cpuUsage(),
  now: () => performance.now(),
}

/** What the process takes; the share of the processor is counted since the last call. */
export function createVitals({ memory, cpu, now }: VitalsDeps): () => Pick<Heartbeat, 'memoryMb' | 'cpuPercent'> {
  const used = () => {
    const { user, system } = cpu()
    return (user + system) / 1_000
  }
  let last = { used: used(), at: now() }
  let cpuPercent = 0
  return () => {
    const current = { used: used(), at: now() }
    const passed = current.at - last.at
    // Two heartbeats right after each other tell nothing of the time between.
    if (passed >= 100) {
      cpuPercent = Math.round(((current.used - last.used) / passed) * 100)
      last = current
    }
    return { memoryMb: Math.round(memory().rss / 1_048_576), cpuPercent }
  }
}

import type { Engine } from '../../../reconcilers/engine/status.ts'
import type { Approval, Approvals } from '../../../runtime/policy/action.ts'

/** How much waits for a person, for the badge that every page shows. */
export interface Pending {
  count(): number
  /** What agents ask, as far as it is known; the oldest first. */
  asked(): readonly Approval[]
  /** Calls back when something was asked or decided. */
  subscribe(listener: () => void): () => void
}

export function watchPending(engine: Pick<Engine, 'holds'>, approvals: Pick<Approvals, 'waiting' | 'subscribe'>): Pending {
  const listeners = new Set<() => void>()
  let waiting: readonly Approval[] = []
  let reads = 0
  const look = async () => {
    const read = ++reads
    const found = await approvals.waiting()
    // A later look may have been answered earlier.
    if (read !== reads) return
    waiting = found
    for (const listener of listeners) listener()
  }
  // While the database is away the last known number stands; the next event brings a new look.
  const lookQuietly = () => void look().catch(() => {})
  approvals.subscribe(lookQuietly)
  lookQuietly()
  return {
    asked: () => waiting,
    count: () => waiting.length + engine.holds().length,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

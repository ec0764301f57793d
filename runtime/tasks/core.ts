import type { AgentPolicy } from '../../desired-state/state.ts'
import type { Clock } from '../os/clock.ts'
import type { Log } from '../os/log.ts'
import type { Store } from '../store/store.ts'
import type { Lane } from './lane.ts'
import type { OpenTasks } from './open.ts'
import type { TaskState } from './task.ts'
import type { Touched } from './touched.ts'

export interface TasksDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
  /** Names of the agents there are. */
  readonly agents: () => readonly string[]
  /** Undefined for an agent that there is not. */
  readonly policyOf: (agent: string) => AgentPolicy | undefined
}

/** What every part of this room works with. */
export interface Core extends TasksDeps {
  readonly lane: Lane
  readonly open: OpenTasks
  /** Tells, once it is committed and still in the lane, of what a statement changed. */
  readonly changed: (touched: readonly Touched[]) => void
}

export const runningStates = ['assigned', 'in_progress'] as const satisfies readonly TaskState[]

/** `2026-11-22`, in UTC. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)

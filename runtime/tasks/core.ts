import type { ISql } from 'postgres'
import type { AgentPolicy } from '../../desired-state/state.ts'
import type { Clock } from '../os/clock.ts'
import type { Log } from '../os/log.ts'
import type { Store } from '../store/store.ts'
import type { Lane } from './lane.ts'
import type { OpenTasks } from './open.ts'
import type { TaskState } from './task.ts'

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

/** What each statement that changes tasks gives of them: {@link touchedColumns}. */
export interface Touched {
  readonly id: string
  readonly graph: string
  readonly agent: string
  readonly state: TaskState
  readonly due: Date | null
  /** Numbers of the database, which JavaScript gets as text. */
  readonly rank: string
  readonly position: string
}

export const touchedColumns = (store: ISql) => store`
  task.id, task.graph, task.agent, task.state, task.due, task.rank, task.position`

export const endedStates = ['completed', 'failed', 'cancelled'] as const satisfies readonly TaskState[]
export const runningStates = ['assigned', 'in_progress'] as const satisfies readonly TaskState[]

/** `2026-11-22`, in UTC. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)

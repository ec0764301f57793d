import type { ISql } from 'postgres'
import type { TaskState } from './task.ts'

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

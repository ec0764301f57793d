import type { Clock } from '../os/clock.ts'
import type { Store } from '../store/store.ts'
import type { Tasks } from '../tasks/task.ts'
import type { AgentEvent } from './agents.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { LiveAnswers } from './live-answers.ts'
import type { Threads } from './threads.ts'
import type { Usage } from './work.ts'

/** The part of {@link Tasks} that an agent's work goes through. */
export type TaskLeases = Pick<Tasks, 'get' | 'claim' | 'progress' | 'waits' | 'complete' | 'fail'>

/** What the works of all agents stand on. */
export interface WorksDeps {
  readonly store: Store
  readonly clock: Clock
  readonly threads: Threads
  readonly live: LiveAnswers
  readonly tasks: () => TaskLeases
  /** What a call of the model costs, in millionths of a US dollar. */
  readonly priceOf: (usage: Usage) => number
  readonly emit: (event: AgentEvent) => void
  /** Why an agent may not answer now, like a budget that is spent. */
  readonly obstacle: (agent: string) => Promise<string | undefined>
  readonly deadLetters: Pick<DeadLetters, 'bury'>
  /** The message is dealt with: it leaves the inbox. */
  readonly settled: (agent: string, message: string) => Promise<void>
  /** The message leaves the inbox, and comes again after a while. */
  readonly postponed: (agent: string, message: string) => Promise<void>
}

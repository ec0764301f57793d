import type { Block, Work, WorkEvent } from '../../runtime/bus/work.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Tool, ToolContext } from '../tools/tool.ts'
import type { ActionDoor } from './door.ts'
import type { KeepText } from './results.ts'
import type { Waits } from './waits.ts'

/** What the calls of one work are made with. */
export interface CallDeps {
  readonly agent: string
  readonly work: Work
  readonly tools: ReadonlyMap<string, Tool>
  readonly context: Pick<ToolContext, 'agent' | 'work' | 'task' | 'thread' | 'workspace' | 'folder' | 'signal' | 'run'>
  readonly door: ActionDoor
  readonly lifecycle: Lifecycle
  readonly tell: (event: WorkEvent) => void
  readonly waits: Waits
  readonly keep: KeepText
  /** A number that nobody can guess. */
  readonly nonce: () => string
  /** Milliseconds of any clock that only goes forward. */
  readonly now: () => number
}

/** What came of one call, for the model and for people. */
export interface CallOutcome {
  readonly outcome: 'done' | 'failed' | 'denied'
  readonly content: string | readonly Block[]
  readonly summary: string
  /** Where text of strangers in it came from. */
  readonly tainted?: string
  /** The input did not fit the tool's schema. */
  readonly misfit?: boolean
}

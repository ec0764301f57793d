import type { DesiredState } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Log } from '../../runtime/os/log.ts'
import type { Board } from './board.ts'
import type { ReadState } from './hold.ts'
import type { Journal, Retry } from './journal.ts'
import type { EngineEvent, Suspension } from './status.ts'
import type { Targets } from './target.ts'

/** What the loops of all kinds share. */
export interface Core {
  readonly journal: Journal
  readonly board: Board
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
  readonly emit: (event: EngineEvent) => void
  readonly read: ReadState
  /** The newest valid state of main. */
  readonly head: () => DesiredState | undefined
  /** Accepted commit by kind. */
  readonly accepted: ReadonlyMap<string, string>
  readonly targets: Targets
  readonly retries: Map<string, Retry>
  readonly suspensions: Map<string, Suspension>
  /** How a person calls the command line: `ai-infra`. */
  readonly command: string
  /** Seconds between two looks. */
  readonly lookInterval: () => number
  /** Called after every journalled step; a test ends the process here. */
  readonly onStep: (kind: string, name: string) => void
  /** Takes secrets out of what is shown or kept. */
  readonly redact: (text: string) => string
}

export const resourceId = (kind: string, key: string): string => `${kind}/${key}`

/** The suspension of a resource, unless it has expired. */
export function suspensionOf(core: Core, kind: string, key: string): Suspension | undefined {
  const suspension = core.suspensions.get(resourceId(kind, key))
  return suspension !== undefined && new Date(suspension.until) > core.clock.now() ? suspension : undefined
}

import type { Entry, Work, WorkEvent, WorkStanding } from '../../runtime/bus/work.ts'
import type { WorkReport } from '../../runtime/bus/work-protocol.ts'
import type { Breaker } from '../../runtime/os/breaker.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Model, ModelRequest } from '../model.ts'
import type { Toolbox } from '../toolbox.ts'
import type { ToolContext } from '../tools/tool.ts'
import type { ActionDoor } from './door.ts'
import { cleanEntry } from './entries.ts'
import { createReporter } from './reporter.ts'
import type { KeepText } from './results.ts'
import type { TurnDeps } from './turn.ts'
import { createWaits } from './waits.ts'

/** What an agent is at the moment that it takes something up. */
export interface Persona {
  readonly model: Model
  readonly request: Pick<ModelRequest, 'model' | 'maxTokens' | 'system'>
  readonly toolbox: Toolbox
}

/** Where the tools of a work do what they do. */
export interface Workplace {
  readonly workspace: string
  readonly folder: string
  readonly run: ToolContext['run']
  readonly keep: KeepText
}

export interface WorkDeps {
  readonly agent: string
  /** Asked when a work begins and after each compaction: in between its prompt, tools and model stay as they are. */
  readonly persona: () => Promise<Persona>
  readonly workplace: (work: Work, signal: AbortSignal) => Promise<Workplace>
  readonly report: (work: string, report: WorkReport) => Promise<WorkStanding>
  readonly door: ActionDoor
  readonly lifecycle: Lifecycle
  readonly breaker: Pick<Breaker, 'allow' | 'success' | 'failure'>
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly nonce: () => string
  /** What happens, for the window. */
  readonly show: (work: Work, event: WorkEvent) => void
  /** Conversations that this process has taken up already. */
  readonly sessions: Set<string>
  readonly limits?: Partial<WorkLimits>
}

export interface WorkLimits {
  /** Questions to the model in one work. */
  readonly turns: number
  /** Tokens of a conversation above which its beginning is replaced by a summary. */
  readonly compactAt: number
}

export const defaultLimits: WorkLimits = { turns: 200, compactAt: 150_000 }

/** Everything of one work: its conversation, what it told, and how it is stopped. */
export interface Desk extends Pick<WorkDeps, 'agent' | 'persona' | 'door' | 'lifecycle' | 'clock' | 'nonce'> {
  readonly work: Work
  readonly limits: WorkLimits
  readonly signal: AbortSignal
  readonly turn: Omit<TurnDeps, 'model'>
  readonly tell: (event: WorkEvent) => void
  entries(): readonly Entry[]
  /** Adds an entry; returns once it is durable. */
  add(entry: Entry): Promise<void>
  /** The conversation begins anew with these; returns once that is durable. */
  renew(entries: readonly Entry[]): Promise<void>
  /** The runtime is asked whether the work still counts. */
  ask(): void
  /** Waits until everything told is durable. */
  durable(): Promise<void>
  close(): void
}

export function openDesk(deps: WorkDeps, work: Work): Desk {
  const stop = new AbortController()
  const reporter = createReporter({
    attempt: work.attempt,
    send: report => deps.report(work.id, report),
    settled: reason => stop.abort(new Error(reason)),
    clock: deps.clock,
  })
  let entries = work.transcript
  const tell = (event: WorkEvent) => {
    deps.show(work, event)
    reporter.tell(event)
  }
  const durable = async () => {
    await reporter.durable()
    stop.signal.throwIfAborted()
  }
  const { agent, persona, door, lifecycle, clock, nonce, breaker, random } = deps
  return {
    ...{ agent, persona, door, lifecycle, clock, nonce, work, tell, durable },
    limits: { ...defaultLimits, ...deps.limits },
    signal: stop.signal,
    turn: { breaker, clock, random, tell, waits: createWaits(reason => tell({ type: 'waiting', reason })) },
    entries: () => entries,
    async add(entry) {
      const clean = cleanEntry(entry)
      entries = [...entries, clean]
      tell({ type: 'entry', entry: clean })
      await durable()
    },
    async renew(renewed) {
      entries = renewed.map(cleanEntry)
      tell({ type: 'compacted', entries })
      await durable()
    },
    ask: reporter.ask,
    close() {
      reporter.stop()
      stop.abort(new Error('the work has ended'))
    },
  }
}

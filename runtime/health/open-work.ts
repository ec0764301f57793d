import type { WorkEvent } from '../bus/work.ts'
import { stallLimit, toolStallLimit } from './health.ts'

/** One work under way, as far as its health is concerned. */
export interface OpenWork {
  readonly work: string
  /** It belongs to a task, whose tries are counted by the task itself. */
  readonly ofTask: boolean
  readonly startedAt: number
  /** When something of it was last heard of. */
  readonly progressAt: number
  /** Milliseconds from its start to the first sign; undefined until then. */
  readonly responded: number | undefined
  /** Tool calls that began and did not end. */
  readonly tools: ReadonlySet<string>
  readonly waitingFor: string
}

export const openWork = (work: string, ofTask: boolean, now: number): OpenWork => ({
  work,
  ofTask,
  startedAt: now,
  progressAt: now,
  responded: undefined,
  tools: new Set(),
  waitingFor: '',
})

/** What an event makes of it. */
export function withEvent(before: OpenWork, event: WorkEvent, now: number): OpenWork {
  const open = { ...before, progressAt: now }
  const responded = open.responded ?? now - open.startedAt
  switch (event.type) {
    case 'waiting':
      // A wait before the first sign is not the agent's slowness: its response is counted from its end.
      return { ...open, waitingFor: event.reason, ...(open.responded === undefined ? { startedAt: now } : {}) }
    case 'tool-started':
      return { ...open, responded, tools: new Set([...open.tools, event.call]) }
    case 'tool-ended':
      return { ...open, responded, tools: new Set([...open.tools].filter(call => call !== event.call)) }
    case 'text':
    case 'tool-output':
      return { ...open, responded }
    case 'entry':
      return event.entry.role === 'assistant' ? { ...open, responded } : open
    default:
      return open
  }
}

/** When it began to stall; undefined while it is within its time, or waits for something. */
export function stalledSince(open: OpenWork, now: number): number | undefined {
  if (open.waitingFor !== '') return undefined
  const limit = open.tools.size > 0 ? toolStallLimit : stallLimit
  return now - open.progressAt > limit ? open.progressAt : undefined
}

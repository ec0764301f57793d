import type { WorkEvent } from '../bus/work.ts'
import { stallLimit, toolStallLimit } from './health.ts'

/** One work under way, as far as its health is concerned. */
export interface OpenWork {
  readonly work: string
  readonly kind: 'question' | 'task'
  readonly startedAt: number
  /** When something of it was last heard of. */
  readonly progressAt: number
  /** Milliseconds from its start to the first sign; undefined until then. */
  readonly responded: number | undefined
  /** Tool calls that began and did not end. */
  readonly tools: ReadonlySet<string>
  readonly waitingFor: string
}

export const openWork = (work: string, kind: 'question' | 'task', now: number): OpenWork => ({
  work,
  kind,
  startedAt: now,
  progressAt: now,
  responded: undefined,
  tools: new Set(),
  waitingFor: '',
})

/** What these events make of it. */
export function withEvents(open: OpenWork, events: readonly WorkEvent[], now: number): OpenWork {
  return events.reduce<OpenWork>((work, event) => withEvent(work, event, now), { ...open, progressAt: now })
}

function withEvent(open: OpenWork, event: WorkEvent, now: number): OpenWork {
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

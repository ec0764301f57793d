import { longestEventText, type WorkEvent, type WorkStanding } from '../../runtime/bus/work.ts'
import { longestLine, mostEvents, shortestReportInterval, type WorkReport } from '../../runtime/bus/work-protocol.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { explain } from '../../runtime/os/errors.ts'
import { insist } from './insist.ts'

/** Tells the runtime what happens, in order; nothing is lost while it is away, and nothing counts twice. */
export interface Reporter {
  tell(event: WorkEvent): void
  /** Resolves once everything told so far is durable, or nothing counts any more. */
  durable(): Promise<void>
  /** Asks at once whether the work still counts. */
  ask(): void
  stop(): void
}

export interface ReporterDeps {
  readonly attempt: number
  readonly send: (report: WorkReport) => Promise<WorkStanding>
  /** Nothing of it counts any more. */
  readonly settled: (reason: string) => void
  readonly clock: Clock
  /** Milliseconds of silence after which the runtime is asked whether the work still counts; default 2,000. */
  readonly pulse?: number
}

export function createReporter({ attempt, send, settled, clock, pulse = 2_000 }: ReporterDeps): Reporter {
  let waiting: WorkEvent[] = []
  let taken = 0
  let recorded = 0
  let asked = false
  let sending = false
  const over = new AbortController()
  const listeners = new Set<() => void>()
  const tellListeners = () => {
    for (const listener of listeners) listener()
  }
  const end = () => {
    over.abort()
    clearInterval(beat)
    tellListeners()
  }
  const run = async () => {
    sending = true
    while (!over.signal.aborted && (waiting.length > 0 || asked)) {
      asked = false
      const events = waiting.slice(0, batchSize(waiting))
      waiting = waiting.slice(events.length)
      const standing = await insist(() => send({ attempt, from: recorded, events }), clock, over.signal).catch(error => ({
        outcome: 'settled' as const,
        reason: explain(error),
      }))
      if (over.signal.aborted) break
      recorded += events.length
      if (standing.outcome === 'settled') {
        end()
        settled(standing.reason)
      } else tellListeners()
      await clock.sleep(shortestReportInterval)
    }
    sending = false
  }
  const kick = () => {
    if (!sending && !over.signal.aborted) void run()
  }
  const ask = () => {
    asked = true
    kick()
  }
  const beat = setInterval(ask, pulse)
  return {
    tell(event) {
      for (const piece of bounded(event)) {
        const grown = joined(waiting.at(-1), piece)
        if (grown !== undefined) {
          waiting[waiting.length - 1] = grown
          continue
        }
        waiting.push(piece)
        taken += 1
      }
      kick()
    },
    durable() {
      const goal = taken
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => {
        if (recorded < goal && !over.signal.aborted) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      return promise
    },
    ask,
    stop: end,
  }
}

/** Two pieces of the same text as one, where that is not too long; only of what was not sent yet. */
function joined(last: WorkEvent | undefined, piece: WorkEvent): WorkEvent | undefined {
  if (last?.type === 'text' && piece.type === 'text') return lengthened(last, piece.text)
  if (last?.type === 'tool-output' && piece.type === 'tool-output' && last.call === piece.call)
    return lengthened(last, piece.text)
  return undefined
}

const lengthened = <E extends { readonly text: string }>(event: E, more: string): E | undefined =>
  event.text.length + more.length > longestEventText ? undefined : { ...event, text: event.text + more }

/** Half of the largest report, in characters. */
const mostCharacters = 15_000_000

/** How many of the first events go out together. */
function batchSize(events: readonly WorkEvent[]): number {
  let characters = 0
  let size = 0
  for (const event of events.slice(0, mostEvents)) {
    if (event.type === 'entry' || event.type === 'compacted') characters += JSON.stringify(event).length
    else if (event.type === 'text' || event.type === 'tool-output') characters += event.text.length
    if (size > 0 && characters > mostCharacters) break
    size += 1
  }
  return size
}

/** The event as events that the runtime takes: long text in pieces, long lines cut. */
function bounded(event: WorkEvent): readonly WorkEvent[] {
  switch (event.type) {
    case 'text':
    case 'tool-output':
      return Array.from({ length: Math.ceil(event.text.length / longestEventText) }, (_, place) => ({
        ...event,
        text: event.text.slice(place * longestEventText, (place + 1) * longestEventText),
      }))
    case 'tool-started':
      return [{ ...event, title: event.title.slice(0, longestLine) }]
    case 'tool-ended':
      return [{ ...event, summary: event.summary.slice(0, longestLine) }]
    case 'waiting':
      return [{ ...event, reason: event.reason.slice(0, longestLine) }]
    case 'tainted':
      return [{ ...event, source: event.source.slice(0, longestLine) }]
    default:
      return [event]
  }
}

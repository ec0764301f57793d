import type { Work, WorkEnding, WorkEvent, WorkStanding, WorkStart } from '../runtime/bus/work.ts'
import type { WorkFinish } from '../runtime/bus/work-protocol.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { Delivered, Inbox } from './inbox.ts'
import { insist } from './work/insist.ts'
import type { RunningWork } from './work/run-work.ts'

/** Everything that happens in an agent, in the order it happens. */
export type LoopEvent =
  | { readonly type: 'activity'; readonly activity: 'idle' | 'answering'; readonly doing: string }
  | { readonly type: 'started'; readonly work: Work }
  | { readonly type: 'work'; readonly work: string; readonly event: WorkEvent }
  | { readonly type: 'ended'; readonly work: string; readonly ending: WorkEnding }
  /** Nothing of it counts any more. */
  | { readonly type: 'settled'; readonly work: string }

export interface LoopDeps {
  /** Takes no more work, and finishes what is under way. */
  readonly draining: () => boolean
  /** Undefined while there is no connection to Redis. */
  readonly inbox: () => Pick<Inbox, 'unfinished' | 'next' | 'acknowledge'> | undefined
  readonly start: (message: string) => Promise<WorkStart>
  readonly carryOut: (work: Work) => RunningWork
  readonly finish: (work: string, finish: WorkFinish) => Promise<WorkStanding>
  readonly emit: (event: LoopEvent) => void
  readonly clock: Clock
}

/** Takes the messages from the inbox and works on them: one conversation and one task at a time, side by side. */
export interface Loop {
  /** Something may have changed: a message, the mode, the connection, a cancellation. Returns at once; calls are coalesced. */
  wake(): void
  /** A new connection: what was delivered before and not acknowledged is taken up first. */
  reconnected(): void
  /** Something was taken up and is not finished. */
  busy(): boolean
}

type Lane = 'talk' | 'task'

export function createLoop(deps: LoopDeps): Loop {
  const lanes: Record<Lane, Delivered[]> = { talk: [], task: [] }
  const working = new Set<Lane>()
  const running = new Map<string, { readonly doing: string; readonly work: RunningWork }>()
  let reading = false
  let again = false
  let recover = true

  const busy = () => reading || working.size > 0
  const stand = () => {
    const doing = [...running.values()].map(one => one.doing).join('; ')
    deps.emit({ type: 'activity', activity: running.size > 0 ? 'answering' : 'idle', doing })
  }
  const enqueue = (delivered: Delivered) => {
    const lane: Lane = delivered.message?.type === 'task' || delivered.message?.type === 'handoff' ? 'task' : 'talk'
    if (lanes[lane].some(other => other.entry === delivered.entry)) return
    lanes[lane].push(delivered)
    if (!working.has(lane)) void work(lane)
  }
  const read = async () => {
    reading = true
    while (again) {
      again = false
      const inbox = deps.inbox()
      if (inbox === undefined || deps.draining()) continue
      try {
        if (recover) for (const delivered of await inbox.unfinished()) enqueue(delivered)
        recover = false
        for (let next = await inbox.next(); next !== undefined; next = await inbox.next()) enqueue(next)
      } catch {
        recover = true
      }
    }
    reading = false
    if (!busy()) stand()
  }
  const work = async (lane: Lane) => {
    working.add(lane)
    for (;;) {
      const delivered = lanes[lane][0]
      if (delivered === undefined || deps.draining()) break
      await handle(deps, delivered, running, stand)
      lanes[lane].shift()
    }
    // What is left of a drained agent is read again by its successor, or by itself when it goes on.
    if (lanes[lane].splice(0).length > 0) recover = true
    working.delete(lane)
    if (!busy()) stand()
  }
  const wake = () => {
    again = true
    for (const { work } of running.values()) work.ask()
    if (!reading) void read()
  }
  return {
    wake,
    reconnected() {
      recover = true
      wake()
    },
    busy,
  }
}

async function handle(
  deps: LoopDeps,
  { entry, message }: Delivered,
  running: Map<string, { readonly doing: string; readonly work: RunningWork }>,
  stand: () => void,
): Promise<void> {
  const start = message === undefined ? undefined : await accepted(() => deps.start(message.id), deps.clock)
  if (start?.outcome === 'go') {
    const { work } = start
    deps.emit({ type: 'started', work })
    const under = deps.carryOut(work)
    running.set(work.id, { doing: doingOf(work), work: under })
    stand()
    const ending = await under.ended
    if (ending === undefined) deps.emit({ type: 'settled', work: work.id })
    else {
      deps.emit({ type: 'ended', work: work.id, ending })
      await accepted(() => deps.finish(work.id, { ...ending, attempt: work.attempt }), deps.clock)
    }
    running.delete(work.id)
  }
  await acknowledge(deps, entry)
}

/** Undefined when the runtime refuses for good. */
async function accepted<T>(ask: () => Promise<T>, clock: Clock): Promise<T | undefined> {
  try {
    return await insist(ask, clock)
  } catch (error) {
    if (error instanceof ApplianceError && error.kind === 'invalid') return undefined
    throw error
  }
}

/** Without a connection nothing is lost: what is settled is delivered again, and settled. */
async function acknowledge(deps: LoopDeps, entry: string): Promise<void> {
  await deps
    .inbox()
    ?.acknowledge(entry)
    .catch(() => {})
}

const doingOf = ({ by, text, task }: Work): string =>
  task === undefined ? `answering ${by}: “${excerpt(text)}”` : `task “${excerpt(task.name)}” for ${task.by}`

const excerpt = (text: string) => {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}

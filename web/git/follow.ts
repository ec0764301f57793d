import type { Engine, EngineEvent } from '../../reconcilers/engine/status.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { countDone, eventLine, heldLine, summaryLines } from './lines.ts'

/** Milliseconds after which a follower is sent home; the convergence goes on. */
const longestFollow = 600_000

/**
 * Tells the engine that main has moved and writes one line for each thing that happens, until all has settled, a newer
 * commit took over, or the reader went away. A reader that goes away stops nothing.
 */
export async function followConvergence(
  engine: Engine,
  clock: Clock,
  command: string,
  revision: string,
  write: (line: string) => void,
  gone: AbortSignal,
): Promise<void> {
  const seen: EngineEvent[] = []
  const told = new Set<string>()
  const superseded = new AbortController()
  const tell = (event: EngineEvent) => {
    if ('revision' in event && event.revision !== revision) return
    seen.push(event)
    const line = eventLine(event)
    // Who looks again and waits for the same has nothing new to say.
    if (line !== undefined && !told.has(line)) write(line)
    if (line !== undefined) told.add(line)
    if (event.type === 'superseded') superseded.abort()
  }
  const story = engine.story(revision)
  const startedAt = (story.since ?? clock.now()).getTime()
  for (const event of story.events) tell(event)
  const stop = engine.subscribe(tell)
  try {
    engine.moved()
    const status = await engine.settled(revision, AbortSignal.any([gone, superseded.signal, AbortSignal.timeout(longestFollow)]))
    if (status.desired !== revision) {
      write(`a newer commit took over: ${status.desired.slice(0, 8)}`)
      return
    }
    const milliseconds = clock.now().getTime() - startedAt
    for (const line of summaryLines(status, engine.holds(), countDone(seen), milliseconds, command)) write(line)
  } catch (error) {
    if (superseded.signal.aborted || gone.aborted) return
    for (const hold of engine.holds().filter(hold => hold.revision === revision)) write(heldLine(hold, command))
    write(`still converging after ${longestFollow / 60_000} minutes; it goes on by itself; to watch: ${command} status`)
    if (!(error instanceof DOMException)) throw error
  } finally {
    stop()
  }
}

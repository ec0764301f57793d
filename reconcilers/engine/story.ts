import type { Clock } from '../../runtime/os/clock.ts'
import type { EngineEvent, Story } from './status.ts'

/** Events that are kept of one commit; a story that long is told by the status. */
const most = 20_000

/**
 * Keeps what happens for the commit that is main until it has settled, so that a push which is followed a moment later
 * is told whole. What drifts and is retried in the weeks after is not of it.
 */
export function createStory(clock: Clock) {
  let revision = ''
  let since: Date | undefined
  let events: EngineEvent[] = []
  let open = false
  return {
    begin(of: string): void {
      revision = of
      since = clock.now()
      events = []
      open = true
    },
    add(event: EngineEvent): void {
      if (!open || !('revision' in event) || event.revision !== revision) return
      if (event.type === 'settled') open = false
      else if ((event.type === 'change' || event.type === 'progress') && events.length < most) events.push(event)
    },
    of: (wanted: string): Story => (wanted === revision ? { since, events: [...events] } : { since: undefined, events: [] }),
  }
}

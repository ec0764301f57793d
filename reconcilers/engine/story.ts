import type { Clock } from '../../runtime/os/clock.ts'
import type { EngineEvent, Story } from './status.ts'

/** Events that are kept of one commit; a story that long is told by the status. */
const most = 20_000

/** Keeps what happens for the commit that is main, so that a push which is followed a moment later is told whole. */
export function createStory(clock: Clock) {
  let revision = ''
  let since: Date | undefined
  let events: EngineEvent[] = []
  return {
    begin(of: string): void {
      revision = of
      since = clock.now()
      events = []
    },
    add(event: EngineEvent): void {
      if ((event.type === 'change' || event.type === 'progress') && event.revision === revision && events.length < most)
        events.push(event)
    },
    of: (wanted: string): Story => (wanted === revision ? { since, events: [...events] } : { since: undefined, events: [] }),
  }
}

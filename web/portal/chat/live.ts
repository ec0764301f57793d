import type { Thread } from '../../../runtime/bus/agents.ts'
import type { Call } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { type LiveSource, liveStream } from '../live/stream.ts'
import { subscribeToTasks } from '../tasks/routes.tsx'
import { chatRegions } from './page.tsx'
import { rememberTurns } from './turn.tsx'
import { chatView, type Surroundings, shownOf, surroundings } from './view.ts'
import { watchThread } from './watch.ts'

/** Milliseconds in which changes of a conversation are gathered: a reader should not see the pieces wait. */
const gather = 15
/** Milliseconds after which what stands around the words is read again, whatever was heard of it. */
const longestTrust = 5_000

/** The stream of one conversation. */
export function liveChat(call: Call, deps: PortalDeps, thread: Thread): Response {
  let changed = () => {}
  const watch = watchThread(deps.agents, thread, shownOf(call), () => changed())
  const seen = new Set<string>()
  const turn = rememberTurns()
  let around: Surroundings | undefined
  let readAt = 0

  const source: LiveSource = {
    async regions() {
      const standing = await watch.read()
      const now = deps.clock.now().getTime()
      if (around === undefined || now - readAt > longestTrust) {
        readAt = now
        around = await surroundings(call, deps, thread, standing, seen)
      }
      return chatRegions(chatView(call, deps, standing, around), turn)
    },
    subscribe(listener) {
      changed = listener
      const anew = () => {
        readAt = 0
        listener()
      }
      const stops = [watch.stop, subscribeToTasks(deps, anew), deps.approvals.subscribe(anew)]
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
  return liveStream(call, source, { ...deps, gather })
}

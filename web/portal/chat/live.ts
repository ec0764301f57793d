import type { Thread } from '../../../runtime/bus/agents.ts'
import type { Call } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import type { Region } from '../live/regions.ts'
import { type LiveSource, liveStream } from '../live/stream.ts'
import { subscribeToTasks } from '../tasks/routes.tsx'
import { type ChatView, chatRegions, regionsAround } from './page.tsx'
import { rememberTurns } from './turn.tsx'
import { chatView, type Surroundings, shownOf, surroundings } from './view.ts'
import { watchThread } from './watch.ts'

/** Milliseconds between two pieces of an answer that a reader gets, at least; the first goes out at once. */
const gather = 5
/** Milliseconds after which what stands around the words is read again, whatever was heard of it, and rendered again. */
const longestTrust = 5_000
const longestShown = 1_000

/** The stream of one conversation. */
export function liveChat(call: Call, deps: PortalDeps, thread: Thread): Response {
  let changed = () => {}
  const watch = watchThread(deps.agents, thread, shownOf(call), () => changed())
  const seen = new Set<string>()
  const turn = rememberTurns()
  const still = rememberAround()
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
      const view = chatView(call, deps, standing, around)
      return chatRegions(view, turn, still(view, around))
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

/** Renders what stands around the words again when something of it was read, somebody began or ended, or a while later. */
function rememberAround(): (view: ChatView, around: Surroundings) => readonly Region[] {
  let known:
    | { readonly of: Surroundings; readonly states: string; readonly at: number; readonly regions: readonly Region[] }
    | undefined
  return (view, around) => {
    const states = view.said.map(({ id, state }) => `${id} ${state}`).join()
    const at = view.now.getTime()
    if (known?.of !== around || known.states !== states || at - known.at > longestShown)
      known = { of: around, states, at, regions: regionsAround(view) }
    return known.regions
  }
}

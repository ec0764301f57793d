/** @jsxImportSource hono/jsx */
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { frameOf } from '../frame.ts'
import { liveStream } from '../live/stream.ts'
import { noticeOf } from '../notices.ts'
import { page } from '../reply.ts'
import { urls } from '../urls.ts'
import type { Lately } from './lately.ts'
import { OverviewPage, type OverviewView, overviewRegions } from './page.tsx'

export function overviewRoutes(deps: PortalDeps, lately: Lately): readonly Route[] {
  return [
    {
      method: 'GET',
      path: urls.overview.path,
      policy: ['person'],
      rateLimit: { requests: 60_000, seconds: 60 },
      audit: false,
      handle: call => page(<OverviewPage view={viewOf(call, deps, lately)} notice={noticeOf(call)} />),
    },
    {
      method: 'GET',
      path: urls.overviewLive.path,
      policy: ['person'],
      rateLimit: { requests: 120, seconds: 60 },
      audit: false,
      handle: call =>
        liveStream(
          call,
          {
            regions: () => overviewRegions(viewOf(call, deps, lately)),
            subscribe: changed => {
              const stops = [subscribeToFrame(deps, changed), deps.alerts.subscribe(changed)]
              return () => {
                for (const stop of stops) stop()
              }
            },
          },
          deps,
        ),
    },
  ]
}

function viewOf(call: Call, deps: PortalDeps, lately: Lately): OverviewView {
  return {
    frame: frameOf(call, deps),
    status: deps.engine.status(),
    holds: deps.engine.holds(),
    alerts: deps.alerts.open(),
    asked: deps.pending.asked(),
    lately: lately.read(),
    cloneCommand: deps.place.cloneCommand,
    now: deps.clock.now(),
  }
}

/** Whatever the engine or the presence of an agent says, and what waits for a person; not each piece of an answer. */
export function subscribeToFrame({ engine, agents, pending }: PortalDeps, changed: () => void): () => void {
  const stops = [
    engine.subscribe(changed),
    pending.subscribe(changed),
    agents.subscribe(event => {
      if (event.type === 'presence') changed()
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

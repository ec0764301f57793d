import type { Clock } from '../../../runtime/os/clock.ts'
import { json } from '../../door/answer.ts'
import type { Call, Route } from '../../door/route.ts'
import type { Sessions } from '../../portal/sign-in/sessions.ts'
import { people } from '../define.ts'
import { liveSession } from './session.ts'
import type { LiveSources } from './sources.ts'

export interface LiveApiDeps extends LiveSources {
  readonly sessions: Pick<Sessions, 'alive' | 'onEnded'>
  readonly clock: Clock
}

/** The WebSocket: what changes, as it changes, for whoever subscribes. */
export const liveRoute = (deps: LiveApiDeps): Route => ({
  method: 'GET',
  path: '/api/ws',
  policy: people,
  rateLimit: { requests: 60, seconds: 60 },
  audit: false,
  handle(call) {
    const session = liveSession({
      sources: deps,
      alive: aliveOf(call, deps),
      onEnded: deps.sessions.onEnded,
      clock: deps.clock,
    })
    return call.upgrade?.(session) ?? json({ message: 'this address speaks WebSocket (RFC 6455)' }, 426)
  },
})

function aliveOf({ identity }: Call, { sessions }: LiveApiDeps): () => Promise<boolean> {
  if (identity.kind !== 'person') return async () => true
  return () => sessions.alive(identity.sessionToken)
}

/** @jsxImportSource hono/jsx */
import { nameOf } from '../../door/door.ts'
import type { Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { frameOf } from '../frame.ts'
import { withNotice } from '../notices.ts'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { HeldPage } from './page.tsx'

export function heldRoutes(deps: PortalDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      path: urls.held.path,
      policy: ['person'],
      rateLimit: { requests: 600, seconds: 60 },
      audit: false,
      handle: call => {
        const hold = deps.engine.holds().find(each => each.id === call.params.id)
        if (hold === undefined) {
          return missing(call, deps, 'That plan is not held any more: it was approved, or a newer commit took its place.')
        }
        const view = { frame: frameOf(call, deps), hold, command: deps.place.command, now: deps.clock.now() }
        return page(<HeldPage view={view} />)
      },
    },
    {
      method: 'POST',
      path: urls.approve.path,
      policy: ['person'],
      rateLimit: { requests: 30, seconds: 60 },
      audit: 'approve',
      handle: async call => {
        const approved = await deps.engine.approve(call.params.id ?? '', nameOf(call.identity))
        return seeOther(withNotice(urls.overview.to(), approved ? 'approved' : 'already-approved'))
      },
    },
  ]
}

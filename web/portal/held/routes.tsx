/** @jsxImportSource hono/jsx */
import { approveHold } from '../../api/approve-hold.ts'
import type { Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { frameOf } from '../frame.ts'
import { withNotice } from '../notices.ts'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { HeldPage } from './page.tsx'

const notices = {
  approved: 'approved',
  'already-approved': 'already-approved',
  replaced: 'hold-replaced',
  unknown: 'not-held',
} as const

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
      audit: 'hold.approved',
      handle: async call => {
        const { outcome } = await approveHold(deps.engine, call.params.id ?? '', call)
        return seeOther(withNotice(urls.overview.to(), notices[outcome]))
      },
    },
  ]
}

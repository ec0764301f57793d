/** @jsxImportSource hono/jsx */
import { approveHold } from '../../api/approve-hold.ts'
import type { Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing, renderPortalError } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { withNotice } from '../notices.ts'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { HeldPage } from './page.tsx'

/** Why nothing was let through. */
const refusals = {
  'already-approved': 'That was approved already.',
  replaced: 'Nothing was approved: main has moved, or it would do something else by now. Look at what is held now.',
  unknown: 'Nothing was approved: nothing is held under that ID.',
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
        const digest = (await readForm(call.request)).get('digest')
        const { outcome } = await approveHold(deps.engine, call.params.id ?? '', call, digest)
        return outcome === 'approved'
          ? seeOther(withNotice(urls.overview.to(), 'approved'))
          : renderPortalError(409, refusals[outcome], call.request, call.identity, deps.place)
      },
    },
  ]
}

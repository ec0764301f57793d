/** @jsxImportSource hono/jsx */
import type { Approval } from '../../../runtime/policy/action.ts'
import { approve } from '../../api/approvals.ts'
import { nameOf } from '../../door/door.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { liveStream } from '../live/stream.ts'
import { noticeOf, withNotice } from '../notices.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { fragment, fromHtmx, page, seeOther } from '../reply.ts'
import { safeReturn, urls } from '../urls.ts'
import { ApprovalCard } from './card.tsx'
import { AlwaysPage, ApprovalPage, ApprovalsPage, type ApprovalsView, approvalsRegions } from './page.tsx'

const mostRecent = 30

export function approvalRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 } } as const
  return [
    {
      ...reads,
      path: urls.approvals.path,
      handle: async call => page(<ApprovalsPage view={await viewOf(call, deps, new Set())} notice={noticeOf(call)} />),
    },
    {
      ...reads,
      path: urls.approvalsLive.path,
      handle: call => {
        const seen = new Set<string>()
        const regions = async () => approvalsRegions(await viewOf(call, deps, seen))
        return liveStream(call, { regions, subscribe: changed => subscribeToFrame(deps, changed) }, deps)
      },
    },
    {
      ...reads,
      path: urls.approval.path,
      handle: async call => {
        const approval = await deps.approvals.get(call.params.id ?? '')
        if (approval === undefined) return gone(call, deps)
        const view = { frame: frameOf(call, deps), approval, now: deps.clock.now(), notice: noticeOf(call) }
        return page(<ApprovalPage {...view} />)
      },
    },
    {
      ...reads,
      path: urls.approvalAlways.path,
      handle: async call => {
        const approval = await deps.approvals.get(call.params.id ?? '')
        if (approval?.rule === undefined) return gone(call, deps)
        return page(<AlwaysPage frame={frameOf(call, deps)} approval={approval} rule={approval.rule} />)
      },
    },
    { ...writes, path: urls.approvalAlways.path, audit: 'approval-always', handle: call => always(call, deps) },
    { ...writes, path: urls.approvalApprove.path, audit: 'approval-approve', handle: call => decide(call, deps, 'approved') },
    { ...writes, path: urls.approvalDeny.path, audit: 'approval-deny', handle: call => decide(call, deps, 'denied') },
  ]
}

const gone = (call: Call, deps: PortalDeps) => missing(call, deps, 'Nobody asks for that (any more).')

/** `seen` remembers what this page has shown, so that what is decided stays in its place. */
async function viewOf(call: Call, deps: PortalDeps, seen: Set<string>): Promise<ApprovalsView> {
  const [waiting, latest] = await Promise.all([deps.approvals.waiting(), deps.approvals.recent(mostRecent * 2)])
  const known = new Map([...latest, ...waiting].map(each => [each.id, each]))
  for (const { id } of waiting) seen.add(id)
  const asked = [...seen].flatMap(id => known.get(id) ?? [])
  return {
    frame: frameOf(call, deps),
    asked,
    holds: deps.engine.holds(),
    recent: latest.filter(({ state }) => state !== 'waiting').slice(0, mostRecent),
    now: deps.clock.now(),
  }
}

async function decide(call: Call, deps: PortalDeps, decision: 'approved' | 'denied'): Promise<Response> {
  const approval = await deps.approvals.get(call.params.id ?? '')
  if (approval === undefined) return gone(call, deps)
  const form = await readForm(call.request)
  const back = safeReturn(form.get('back') || urls.approvals.to())
  if (form.get('digest') !== approval.digest) {
    return answer(call, deps, { approval, back, mistake: 'This is not what you were shown. Read it again.' })
  }
  const note = form.get('note').slice(0, 500)
  const done = await deps.approvals.decide(approval.id, decision, nameOf(call.identity), ...(note === '' ? [] : [note]))
  const now = (await deps.approvals.get(approval.id)) ?? approval
  return answer(call, deps, { approval: now, back, mistake: done ? undefined : 'It was decided already, or its time is over.' })
}

/** The rule becomes a commit of this person first; then this one time is approved. */
async function always(call: Call, deps: PortalDeps): Promise<Response> {
  const digest = (await readForm(call.request)).get('digest')
  await approve(deps, { id: call.params.id ?? '', always: true, digest }, call.identity)
  return seeOther(withNotice(urls.approvals.to(), 'always'))
}

interface Answer {
  readonly approval: Approval
  readonly back: string
  readonly mistake: string | undefined
}

function answer(call: Call, deps: PortalDeps, { approval, back, mistake }: Answer): Response {
  const now = deps.clock.now()
  const status = mistake === undefined ? 200 : 409
  if (fromHtmx(call)) return fragment(<ApprovalCard approval={approval} back={back} now={now} mistake={mistake} />, status)
  if (mistake === undefined) return seeOther(withNotice(back, approval.state === 'denied' ? 'denied' : 'allowed'))
  return page(<ApprovalPage frame={frameOf(call, deps)} approval={approval} now={now} mistake={mistake} />, status)
}

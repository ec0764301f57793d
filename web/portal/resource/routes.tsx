/** @jsxImportSource hono/jsx */
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { nameOf } from '../../door/door.ts'
import type { Call, Route } from '../../door/route.ts'
import { suspendHours } from '../components/suspend.tsx'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { readForm } from '../form.ts'
import { frameOf } from '../frame.ts'
import { liveStream } from '../live/stream.ts'
import { noticeOf, withNotice } from '../notices.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { page, seeOther } from '../reply.ts'
import { urls } from '../urls.ts'
import { ResourcePage, type ResourceView, resourceRegions } from './page.tsx'

export function resourceRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 600, seconds: 60 }, audit: false } as const
  const writes = { method: 'POST', policy: ['person'], rateLimit: { requests: 60, seconds: 60 } } as const
  return [
    {
      ...reads,
      path: urls.resource.path,
      handle: async call => {
        const view = await viewOf(call, deps)
        return view === undefined ? gone(call, deps) : page(<ResourcePage view={view} notice={noticeOf(call)} />)
      },
    },
    {
      ...reads,
      path: urls.resourceLive.path,
      handle: async call => {
        if ((await viewOf(call, deps)) === undefined) return gone(call, deps)
        const regions = async () => {
          const view = await viewOf(call, deps)
          return view === undefined ? [] : resourceRegions(view)
        }
        return liveStream(call, { regions, subscribe: changed => subscribeToFrame(deps, changed) }, deps)
      },
    },
    { ...writes, path: urls.suspend.path, audit: 'suspend', handle: call => suspend(call, deps) },
    { ...writes, path: urls.resume.path, audit: 'resume', handle: call => resume(call, deps) },
  ]
}

const gone = (call: Call, deps: PortalDeps) =>
  missing(call, deps, 'There is no such resource. It may have been removed by a newer commit.')

const named = (call: Call) => ({ kind: call.params.kind ?? '', key: call.params.key ?? '' })

async function viewOf(call: Call, deps: PortalDeps): Promise<ResourceView | undefined> {
  const { kind, key } = named(call)
  const resource = deps.engine.resource(kind, key)
  if (resource === undefined) return undefined
  return {
    frame: frameOf(call, deps),
    resource,
    runs: await deps.engine.runs(kind, key),
    suspension: deps.engine.suspensions().find(each => each.kind === kind && each.key === key),
    now: deps.clock.now(),
  }
}

/** Where a form about a resource leads back to: an agent has a page of its own. */
function pageOf({ agents }: PortalDeps, kind: string, key: string): string {
  const isAgent = kind === 'agent' && agents.presence().some(each => each.name === key)
  return isAgent ? urls.agent.to(key) : urls.resource.to(kind, key)
}

async function suspend(call: Call, deps: PortalDeps): Promise<Response> {
  const { kind, key } = named(call)
  const form = await readForm(call.request)
  const hours = suspendHours.find(each => String(each) === form.get('hours'))
  const reason = form.get('reason')
  if (hours === undefined || reason === '' || reason.length > 200) {
    throw new ApplianceError('invalid', 'a suspension needs a reason of at most 200 characters and one of the times offered')
  }
  if (deps.engine.resource(kind, key) === undefined) return gone(call, deps)
  const until = new Date(deps.clock.now().getTime() + hours * 3_600_000).toISOString()
  await deps.engine.suspend({ kind, key, reason, owner: nameOf(call.identity), until })
  return seeOther(withNotice(pageOf(deps, kind, key), 'suspended'))
}

async function resume(call: Call, deps: PortalDeps): Promise<Response> {
  const { kind, key } = named(call)
  await deps.engine.resume(kind, key)
  return seeOther(withNotice(pageOf(deps, kind, key), 'resumed'))
}

/** @jsxImportSource hono/jsx */
import type { AuditLine } from '../../../runtime/audit/event.ts'
import type { Verification } from '../../../runtime/audit/verify.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { agentGlances, frameOf } from '../frame.ts'
import { type LiveSource, liveStream } from '../live/stream.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { fragment, fromHtmx, page } from '../reply.ts'
import { urls } from '../urls.ts'
import { AuditPage, type AuditView, auditRegions, type Shown, VerificationResult } from './page.tsx'
import { isUnfiltered, queryOf, searchOf } from './query.ts'

/** Events of the live tail, while the page is looked at. */
const tailLength = 100

export function auditRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], audit: false } as const
  return [
    {
      ...reads,
      path: urls.audit.path,
      rateLimit: { requests: 300, seconds: 60 },
      handle: async call => page(<AuditPage view={await viewOf(call, deps, undefined)} />),
    },
    {
      ...reads,
      path: urls.auditLive.path,
      rateLimit: { requests: 120, seconds: 60 },
      handle: call => liveStream(call, tailOf(call, deps), { ...deps, gather: 250 }),
    },
    {
      method: 'POST',
      path: urls.auditVerify.path,
      policy: ['person'],
      // It reads everything that was ever written.
      rateLimit: { requests: 6, seconds: 60 },
      audit: 'audit-verify',
      handle: async call => {
        const verification = await deps.verifyAudit()
        if (fromHtmx(call)) return fragment(<VerificationResult verification={verification} />)
        return page(<AuditPage view={await viewOf(call, deps, verification)} />)
      },
    },
  ]
}

async function viewOf(call: Call, deps: PortalDeps, verification: Verification | undefined): Promise<AuditView> {
  const query = queryOf(call.url.searchParams)
  const { search, mistakes } = searchOf(query)
  const found = await deps.audit.search(search)
  return {
    frame: frameOf(call, deps),
    query,
    mistakes,
    found: found.events,
    cursor: found.cursor,
    tail: isUnfiltered(query) ? found.events : undefined,
    agents: agentGlances(deps).map(({ name }) => name),
    verification,
    command: deps.place.command,
    now: deps.clock.now(),
  }
}

/** The events as they are written; the index is read once. */
function tailOf(call: Call, deps: PortalDeps): LiveSource {
  const wanted = call.url.searchParams.get('tail') !== 'no'
  let tail: readonly Shown[] | undefined
  let early: readonly Shown[] = []
  const add = (line: AuditLine) => {
    if (tail === undefined) early = [line, ...early].slice(0, tailLength)
    else tail = [line, ...tail].slice(0, tailLength)
  }
  return {
    async regions() {
      const around = { frame: frameOf(call, deps), now: deps.clock.now() }
      if (!wanted) return auditRegions({ ...around, tail: undefined })
      tail ??= merged(early, (await deps.audit.search(searchOf(queryOf(new URLSearchParams())).search)).events)
      return auditRegions({ ...around, tail })
    },
    subscribe(changed) {
      const stops = [
        subscribeToFrame(deps, changed),
        deps.audit.subscribe(line => {
          add(line)
          changed()
        }),
      ]
      return () => {
        for (const stop of stops) stop()
      }
    },
  }
}

/** What was written while the index was read may be in both. */
function merged(early: readonly Shown[], found: readonly Shown[]): readonly Shown[] {
  const known = new Set(early.map(({ sequence }) => sequence))
  return [...early, ...found.filter(({ sequence }) => sequence === undefined || !known.has(sequence))].slice(0, tailLength)
}

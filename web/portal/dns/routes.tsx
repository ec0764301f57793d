/** @jsxImportSource hono/jsx */
import { explain } from '../../../runtime/os/errors.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { frameOf } from '../frame.ts'
import type { Region } from '../live/regions.ts'
import { liveStream } from '../live/stream.ts'
import { subscribeToFrame } from '../overview/routes.tsx'
import { page } from '../reply.ts'
import { urls } from '../urls.ts'
import { DnsPage, ZonePage, zoneRegions, zonesRegions } from './page.tsx'

/** Milliseconds that Cloudflare may take before the page goes without its numbers. */
const patience = 4_000
const days = 7

export function dnsPageRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 300, seconds: 60 }, audit: false } as const
  return [
    { ...reads, path: urls.dns.path, handle: call => page(<DnsPage view={zonesOf(call, deps)} />) },
    { ...reads, path: urls.dnsLive.path, handle: call => live(call, deps, () => zonesRegions(zonesOf(call, deps))) },
    { ...reads, path: urls.dnsZone.path, handle: call => zonePage(call, deps) },
    { ...reads, path: urls.dnsZoneLive.path, handle: call => zoneLive(call, deps) },
  ]
}

const live = (call: Call, deps: PortalDeps, regions: () => readonly Region[]): Response =>
  liveStream(call, { regions, subscribe: changed => subscribeToFrame(deps, changed) }, deps)

const zonesOf = (call: Call, deps: PortalDeps) => ({ frame: frameOf(call, deps), zones: deps.dns.zones() })

const noZone = (call: Call, deps: PortalDeps) => missing(call, deps, 'dns.yaml has no such zone.')

function zoneOf(call: Call, deps: PortalDeps) {
  const name = call.params.zone ?? ''
  const zone = deps.dns.zones().find(one => one.zone === name)
  const entries = deps.dns.records(name)
  return zone === undefined || entries === undefined ? undefined : { frame: frameOf(call, deps), zone, entries }
}

async function zonePage(call: Call, deps: PortalDeps): Promise<Response> {
  const view = zoneOf(call, deps)
  if (view === undefined) return noZone(call, deps)
  const traffic = view.zone.type === 'cloudflare' ? await trafficOf(call, deps, view.zone.zone) : undefined
  return page(<ZonePage view={{ ...view, traffic }} />)
}

/** A zone that left meanwhile stays as it was last seen. */
function zoneLive(call: Call, deps: PortalDeps): Response {
  if (zoneOf(call, deps) === undefined) return noZone(call, deps)
  return live(call, deps, () => {
    const view = zoneOf(call, deps)
    return view === undefined ? [] : zoneRegions(view)
  })
}

async function trafficOf(call: Call, { dns }: PortalDeps, zone: string) {
  try {
    return await dns.traffic(zone, days, AbortSignal.any([call.request.signal, AbortSignal.timeout(patience)]))
  } catch (error) {
    return `There are no numbers just now: ${explain(error)}.`
  }
}

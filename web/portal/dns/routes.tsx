/** @jsxImportSource hono/jsx */
import { explain } from '../../../runtime/os/errors.ts'
import type { Call, Route } from '../../door/route.ts'
import type { PortalDeps } from '../deps.ts'
import { missing } from '../errors.tsx'
import { frameOf } from '../frame.ts'
import { page } from '../reply.ts'
import { urls } from '../urls.ts'
import { DnsPage, ZonePage } from './page.tsx'

/** Milliseconds that Cloudflare may take before the page goes without its numbers. */
const patience = 4_000
const days = 7

export function dnsPageRoutes(deps: PortalDeps): readonly Route[] {
  const reads = { method: 'GET', policy: ['person'], rateLimit: { requests: 300, seconds: 60 }, audit: false } as const
  return [
    { ...reads, path: urls.dns.path, handle: call => page(<DnsPage frame={frameOf(call, deps)} zones={deps.dns.zones()} />) },
    { ...reads, path: urls.dnsZone.path, handle: call => zonePage(call, deps) },
  ]
}

async function zonePage(call: Call, deps: PortalDeps): Promise<Response> {
  const name = call.params.zone ?? ''
  const zone = deps.dns.zones().find(one => one.zone === name)
  const entries = deps.dns.records(name)
  if (zone === undefined || entries === undefined) return missing(call, deps, 'dns.yaml has no such zone.')
  const traffic = zone.type === 'cloudflare' ? await trafficOf(call, deps, name) : undefined
  return page(<ZonePage frame={frameOf(call, deps)} zone={zone} entries={entries} traffic={traffic} />)
}

async function trafficOf(call: Call, { dns }: PortalDeps, zone: string) {
  try {
    return await dns.traffic(zone, days, AbortSignal.any([call.request.signal, AbortSignal.timeout(patience)]))
  } catch (error) {
    return `There are no numbers just now: ${explain(error)}.`
  }
}

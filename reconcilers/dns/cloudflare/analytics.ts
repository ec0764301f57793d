import { z } from 'zod'
import type { ZoneAccess } from './settings/observe.ts'

/** One day of a zone, as Cloudflare counted it. */
export interface TrafficDay {
  /** `2026-11-28`. */
  readonly date: string
  readonly requests: number
  readonly cached_requests: number
  readonly bytes: number
  /** Requests that Cloudflare took for an attack. */
  readonly threats: number
  readonly visitors: number
}

const count = z.number().min(0)
const day = z.object({
  dimensions: z.object({ date: z.string() }),
  sum: z.object({ requests: count, cachedRequests: count, bytes: count, threats: count }),
  uniq: z.object({ uniques: count }),
})
const shape = z.object({
  data: z.object({ viewer: z.object({ zones: z.array(z.object({ httpRequests1dGroups: z.array(day) })) }) }),
  errors: z.array(z.unknown()).max(0).nullish(),
})

/** The dataset that every plan has. */
const query = `query ($zone: string!, $since: Date!) {
  viewer {
    zones(filter: { zoneTag: $zone }) {
      httpRequests1dGroups(limit: 31, orderBy: [date_DESC], filter: { date_geq: $since }) {
        dimensions { date }
        sum { requests cachedRequests bytes threats }
        uniq { uniques }
      }
    }
  }
}`

/** Newest first. */
export async function trafficOf(
  zone: string,
  since: string,
  { ask, zoneId }: ZoneAccess,
  signal: AbortSignal,
): Promise<readonly TrafficDay[]> {
  const variables = { zone: await zoneId(signal), since }
  const { data } = await ask(
    `read the traffic of ${zone}`,
    shape,
    (client, options) => client.post('/graphql', { ...options, body: { query, variables } }),
    signal,
  )
  return data.viewer.zones.flatMap(({ httpRequests1dGroups }) =>
    httpRequests1dGroups.map(({ dimensions: { date }, sum, uniq }) => ({
      ...{ date, requests: sum.requests, cached_requests: sum.cachedRequests, bytes: sum.bytes },
      ...{ threats: sum.threats, visitors: uniq.uniques },
    })),
  )
}

import { z } from 'zod'
import type { CloudflareZone } from './cloudflare.ts'

const body = z.strictObject({ query: z.string(), variables: z.strictObject({ zone: z.string(), since: z.iso.date() }) })

/** The dataset of days, seven of them, without zones that are not there; other questions are errors, with status 200. */
export function routeGraphql(
  asked: unknown,
  zones: ReadonlyMap<string, CloudflareZone>,
  agree: <T>(what: string, schema: z.ZodType<T>, value: unknown) => T,
) {
  const { query, variables } = agree('graphql', body, asked)
  if (!/viewer\s*{\s*zones\(filter: { zoneTag: \$zone }\)\s*{\s*httpRequests1dGroups\(/.test(query))
    return { data: null, errors: [{ message: 'unknown field' }] }
  const found = zones.has(variables.zone) ? [variables.zone] : []
  const start = new Date(variables.since).getTime()
  const days = Array.from({ length: 7 }, (_, index) => new Date(start + index * 86_400_000).toISOString().slice(0, 10))
  const groups = days.toReversed().map((date, index) => ({
    ...{
      dimensions: { date },
      sum: { requests: 1_000 + index, cachedRequests: 400, bytes: 5_000_000, threats: 3 },
      uniq: { uniques: 42 },
    },
  }))
  return { data: { viewer: { zones: found.map(() => ({ httpRequests1dGroups: groups })) } }, errors: null }
}

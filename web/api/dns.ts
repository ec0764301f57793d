import { z } from 'zod'
import { type DocumentedRoute, everybody, notFound, people, reads, writes } from './define.ts'

/** What the door asks of DNS; made of the declaration, the engine and the providers. */
export interface DnsDesk {
  zones(): readonly z.output<typeof zoneShape>[]
  /** Undefined when no zone of that name is declared. */
  records(zone: string): readonly z.output<typeof recordShape>[] | undefined
  /** Names of what it held before it was changed, oldest first. */
  snapshots(zone: string): Promise<readonly string[]>
  snapshot(zone: string, name: string): Promise<unknown>
  /** Throws `invalid` when the zone is not at Cloudflare. */
  purge(zone: string, files: readonly string[], signal: AbortSignal): Promise<void>
  /** Zones of an account at Cloudflare; undefined when no declared zone is at a provider of that name there. */
  account(provider: string, signal: AbortSignal): Promise<readonly z.output<typeof accountZoneShape>[] | undefined>
  traffic(zone: string, days: number, signal: AbortSignal): Promise<readonly z.output<typeof dayShape>[]>
  /** That nothing from here is left in a zone that is declared no more; false when nothing was remembered of it. */
  forget(zone: string): Promise<boolean>
}

export interface DnsApiDeps {
  readonly dns: DnsDesk
}

export const zoneShape = z
  .object({
    zone: z.string(),
    provider: z.string().describe('As dns.yaml calls it'),
    type: z.enum(['rfc2136', 'cloudflare']),
    records: z.number().int().describe('Sets that are kept from here, those of sites included'),
    settings: z.number().int().describe('Settings, rules, routes and load balancers at Cloudflare that are kept from here'),
    state: z.string(),
    problems: z
      .array(z.string())
      .readonly()
      .describe('One sentence for each resource that is not ready, and for servers of the zone that lack what is'),
  })
  .meta({ id: 'Zone' })

export const recordShape = z
  .object({
    kind: z.enum(['dns-record', 'site-record', 'cloudflare-setting']),
    key: z.string(),
    ttl: z.number().int().optional(),
    proxied: z.boolean().optional(),
    values: z.array(z.string()).readonly(),
    state: z.string(),
    message: z.string(),
  })
  .meta({ id: 'ZoneRecord' })

export const dayShape = z
  .object({
    date: z.string(),
    requests: z.number(),
    cached_requests: z.number(),
    bytes: z.number(),
    threats: z.number(),
    visitors: z.number(),
  })
  .meta({ id: 'TrafficDay' })

export const accountZoneShape = z
  .object({
    zone: z.string(),
    status: z.string().describe('In the words of Cloudflare: active, pending, moved'),
    name_servers: z.array(z.string()).readonly().describe('Those that its registrar has to name'),
    declared: z.boolean().describe('Whether dns.yaml has it at this provider'),
  })
  .meta({ id: 'AccountZone' })

export const zoneViewShape = z.object({ ...zoneShape.shape, entries: z.array(recordShape), snapshots: z.array(z.string()) })

const tag = 'dns'
const daysQuery = z.object({ days: z.coerce.number().int().min(1).max(31).catch(7).default(7) })
const purgeBody = z.strictObject({
  files: z
    .array(z.url({ protocol: /^https?$/ }))
    .max(300)
    .default([])
    .describe('Addresses; none for everything'),
})

/** Zones: what is kept in them, what they held before, and what Cloudflare counts and keeps of them. */
export const dnsRoutes = ({ dns }: DnsApiDeps): readonly DocumentedRoute[] => [
  reads({
    ...{ path: '/api/dns', policy: everybody, tag, answer: z.array(zoneShape).readonly() },
    summary: 'Zones that are kept from here',
    handle: () => dns.zones(),
  }),
  reads({
    ...{ path: '/api/dns/:zone', policy: everybody, tag, answer: zoneViewShape },
    summary: 'What is kept in a zone, and how it stands',
    async handle({ param }) {
      const zone = dns.zones().find(one => one.zone === param('zone'))
      const entries = dns.records(param('zone'))
      if (zone === undefined || entries === undefined) return unknownZone(param('zone'))
      return { ...zone, entries: [...entries], snapshots: [...(await dns.snapshots(param('zone')))] }
    },
  }),
  reads({
    ...{ path: '/api/dns/:zone/snapshots/:name', policy: people, tag, answer: z.unknown() },
    summary: 'What a zone held before it was changed, and what would undo the change',
    handle: async ({ param }) =>
      (await dns.snapshot(param('zone'), param('name'))) ??
      notFound(`there is no snapshot ${param('name')}`, 'the zone lists them'),
  }),
  reads({
    ...{ path: '/api/dns/:zone/traffic', policy: everybody, tag, query: daysQuery, answer: z.array(dayShape).readonly() },
    ...{ rateLimit: { requests: 30, seconds: 60 } },
    summary: 'Requests, bytes and threats of the last days, as Cloudflare counts them',
    handle: ({ param, query, call }) => dns.traffic(param('zone'), query.days, call.request.signal),
  }),
  reads({
    ...{ path: '/api/dns-accounts/:provider', policy: people, tag, answer: z.array(accountZoneShape).readonly() },
    ...{ rateLimit: { requests: 30, seconds: 60 } },
    summary: 'All zones of an account at Cloudflare, declared or not',
    handle: async ({ param, call }) =>
      (await dns.account(param('provider'), call.request.signal)) ??
      notFound(`no zone of dns.yaml is at a provider ${param('provider')} of type cloudflare`, 'the verb dns list has them'),
  }),
  writes({
    ...{ path: '/api/dns/:zone/purge', policy: people, audit: 'dns.cache-purged', tag, answer: z.object({ purged: z.string() }) },
    body: purgeBody,
    summary: 'Have Cloudflare forget what it keeps of a zone',
    async handle({ param, body, call }) {
      await dns.purge(param('zone'), body.files, call.request.signal)
      return { purged: param('zone') }
    },
  }),
  writes({
    ...{
      path: '/api/dns/:zone/forget',
      policy: people,
      audit: 'dns.zone-forgotten',
      tag,
      answer: z.object({ forgotten: z.string() }),
    },
    summary: 'Say that nothing from here is left in a zone that dns.yaml has no more',
    async handle({ param }) {
      if (await dns.forget(param('zone'))) return { forgotten: param('zone') }
      return notFound(`nothing is remembered of ${param('zone')}`, 'zones of dns.yaml are not forgotten: remove them there')
    },
  }),
]

const unknownZone = (zone: string) => notFound(`dns.yaml has no zone ${zone}`, 'the verb dns list has them')

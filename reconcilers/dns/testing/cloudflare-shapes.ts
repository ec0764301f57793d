import type * as Records from 'cloudflare/resources/dns/records'
import type * as Zones from 'cloudflare/resources/zones/zones'
import { z } from 'zod'

/** Whether a field may be left out. */
type Schema<T, K extends keyof T> =
  Record<never, never> extends Pick<T, K> ? z.ZodExactOptional<z.ZodType<Exclude<T[K], undefined>>> : z.ZodType<T[K]>
type Shape<T> = { readonly [K in keyof T]-?: Schema<T, K> }
type Nothing<S, T> = { readonly [K in Exclude<keyof S, keyof T>]: never }

/**
 * A shape that the compiler holds against a type of the official client: all of its fields and no other, each of its type,
 * and optional only where it is there. What has another field at run time is refused.
 */
export const agreed =
  <T>() =>
  <S extends Shape<T>>(shape: S & Nothing<S, T>) =>
    z.strictObject<S>(shape)

type OptionalKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T]
type Parts<T> = Omit<Shape<T>, OptionalKeys<T>> & Partial<Pick<Shape<T>, OptionalKeys<T>>>

/** The same for a type of which only some of the optional fields are taken here. */
export const agreedPartly =
  <T>() =>
  <S extends Parts<T>>(shape: S & Nothing<S, T>) =>
    z.strictObject<S>(shape)

const text = z.string()
const flag = z.boolean().exactOptional()
const some = text.exactOptional()
const number = z.int().exactOptional()
const ttl = z.int()
export const id = text.regex(/^[0-9a-f]{32}$/)

const settings = agreed<Records.ARecordParam.Settings>()({ ipv4_only: flag, ipv6_only: flag }).exactOptional()
const cnameSettings = agreed<Records.CNAMERecordParam.Settings>()({
  flatten_cname: flag,
  ipv4_only: flag,
  ipv6_only: flag,
}).exactOptional()
const common = { name: text, ttl, comment: some, proxied: flag, tags: z.array(text).exactOptional() }
const srv = agreed<Records.SRVRecordParam.Data>()({
  port: number,
  priority: number,
  target: some,
  weight: number,
}).exactOptional()
const caa = agreed<Records.CAARecordParam.Data>()({ flags: number, tag: some, value: some }).exactOptional()

/** Fields of each type of record, as they are sent. */
const sent = {
  A: { ...common, type: z.literal('A'), content: some, private_routing: flag, settings },
  AAAA: { ...common, type: z.literal('AAAA'), content: some, private_routing: flag, settings },
  CNAME: { ...common, type: z.literal('CNAME'), content: some, settings: cnameSettings },
  MX: { ...common, type: z.literal('MX'), content: some, priority: number, settings },
  NS: { ...common, type: z.literal('NS'), content: some, settings },
  TXT: { ...common, type: z.literal('TXT'), content: some, settings },
  SRV: { ...common, type: z.literal('SRV'), data: srv, settings },
  CAA: { ...common, type: z.literal('CAA'), data: caa, settings },
}

export const recordParams = z.discriminatedUnion('type', [
  agreed<Records.ARecordParam>()(sent.A),
  agreed<Records.AAAARecordParam>()(sent.AAAA),
  agreed<Records.CNAMERecordParam>()(sent.CNAME),
  agreed<Records.MXRecordParam>()(sent.MX),
  agreed<Records.NSRecordParam>()(sent.NS),
  agreed<Records.TXTRecordParam>()(sent.TXT),
  agreed<Records.SRVRecordParam>()(sent.SRV),
  agreed<Records.CAARecordParam>()(sent.CAA),
])
export type RecordParams = z.output<typeof recordParams>

const patches = z.discriminatedUnion('type', [
  agreed<Records.BatchPatchParam.ARecord>()({ ...sent.A, id }),
  agreed<Records.BatchPatchParam.AAAARecord>()({ ...sent.AAAA, id }),
  agreed<Records.BatchPatchParam.CNAMERecord>()({ ...sent.CNAME, id }),
  agreed<Records.BatchPatchParam.MXRecord>()({ ...sent.MX, id }),
  agreed<Records.BatchPatchParam.NSRecord>()({ ...sent.NS, id }),
  agreed<Records.BatchPatchParam.TXTRecord>()({ ...sent.TXT, id }),
  agreed<Records.BatchPatchParam.SRVRecord>()({ ...sent.SRV, id }),
  agreed<Records.BatchPatchParam.CAARecord>()({ ...sent.CAA, id }),
])
export type RecordPatch = z.output<typeof patches>

type BatchBody = Pick<Records.RecordBatchParams, 'deletes' | 'patches' | 'posts' | 'puts'>
export const batchBody = agreed<BatchBody>()({
  deletes: z.array(agreed<Records.RecordBatchParams.Delete>()({ id })).exactOptional(),
  patches: z.array(patches).exactOptional(),
  posts: z.array(recordParams).exactOptional(),
  puts: z.array(patches).exactOptional(),
})

const meta = z.strictObject({})
const given = {
  ...{ id, created_on: text, modified_on: text, proxiable: z.boolean(), meta },
  ...{ comment_modified_on: some, tags_modified_on: some },
}
export const recordAnswer = z.discriminatedUnion('type', [
  agreed<Records.RecordResponse.ARecord>()({ ...sent.A, ...given }),
  agreed<Records.RecordResponse.AAAARecord>()({ ...sent.AAAA, ...given }),
  agreed<Records.RecordResponse.CNAMERecord>()({ ...sent.CNAME, ...given }),
  agreed<Records.RecordResponse.MXRecord>()({ ...sent.MX, ...given }),
  agreed<Records.RecordResponse.NSRecord>()({ ...sent.NS, ...given }),
  agreed<Records.RecordResponse.TXTRecord>()({ ...sent.TXT, ...given }),
  agreed<Records.RecordResponse.SRVRecord>()({ ...sent.SRV, content: some, ...given }),
  agreed<Records.RecordResponse.CAARecord>()({ ...sent.CAA, content: some, ...given }),
])
export type RecordAnswer = z.output<typeof recordAnswer>

const records = z.array(recordAnswer).exactOptional()
export const batchAnswer = agreed<{ [K in keyof Records.RecordBatchResponse]: RecordAnswer[] }>()({
  ...{ deletes: records, patches: records, posts: records, puts: records },
})

export const zoneBody = agreed<Zones.ZoneCreateParams>()({
  account: agreed<Zones.ZoneCreateParams.Account>()({ id: some }),
  name: text,
  type: z.enum(['full', 'partial', 'secondary', 'internal']).exactOptional(),
})

const nullable = text.nullable()
export const zoneAnswer = agreed<Zones.Zone>()({
  ...{ id, name: text, activated_on: nullable, created_on: text, modified_on: text, development_mode: z.number() },
  account: agreed<Zones.Zone.Account>()({ id: some, name: some }),
  meta: agreed<Zones.Zone.Meta>()({
    ...{ cdn_only: flag, custom_certificate_quota: number, dns_only: flag, foundation_dns: flag, page_rule_quota: number },
    ...{ phishing_detected: flag, step: number },
  }),
  ...{ name_servers: z.array(text), original_dnshost: nullable, original_name_servers: z.array(text).nullable() },
  original_registrar: nullable,
  owner: agreed<Zones.Zone.Owner>()({ id: some, name: some, type: some }),
  plan: agreed<Zones.Zone.Plan>()({
    ...{ id: some, can_subscribe: flag, currency: some, externally_managed: flag, frequency: some, is_subscribed: flag },
    ...{ legacy_discount: flag, legacy_id: some, name: some, price: z.number().exactOptional() },
  }),
  ...{ cname_suffix: some, paused: flag, permissions: z.array(text).exactOptional() },
  status: z.enum(['initializing', 'pending', 'active', 'moved']).exactOptional(),
  tenant: agreed<Zones.Zone.Tenant>()({ id: some, name: some }).exactOptional(),
  tenant_unit: agreed<Zones.Zone.TenantUnit>()({ id: some }).exactOptional(),
  type: z.enum(['full', 'partial', 'secondary', 'internal']).exactOptional(),
  ...{ vanity_name_servers: z.array(text).exactOptional(), verification_key: some },
})
export type ZoneAnswer = z.output<typeof zoneAnswer>

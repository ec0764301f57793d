import type * as Cache from 'cloudflare/resources/cache/cache'
import type * as Balancers from 'cloudflare/resources/load-balancers/load-balancers'
import type * as Pools from 'cloudflare/resources/load-balancers/pools/pools'
import type * as Rules from 'cloudflare/resources/rulesets/rules'
import type * as Rulesets from 'cloudflare/resources/rulesets/rulesets'
import type * as Routes from 'cloudflare/resources/workers/routes'
import type * as Settings from 'cloudflare/resources/zones/settings'
import { z } from 'zod'
import { agreed, agreedPartly, id } from './cloudflare-shapes.ts'

/** Without what stands in the path. */
type Body<T> = Omit<T, 'zone_id' | 'account_id'>

const text = z.string()
const some = text.exactOptional()
const flag = z.boolean().exactOptional()

type ValueBody = Body<Settings.SettingEditParams.Variant1>
const settingValue: z.ZodType<Exclude<ValueBody['value'], undefined>> = z.union([text, z.number()])
export const settingBody = agreed<ValueBody>()({ value: settingValue.exactOptional() })

const common = { description: some, enabled: flag, expression: some, ref: some }
const limit = agreedPartly<Rules.RuleCreateParams.BlockRule.Ratelimit>()({
  ...{ characteristics: z.array(text), period: z.int(), requests_per_period: z.int().exactOptional() },
  mitigation_timeout: z.int().exactOptional(),
}).exactOptional()
const target = agreed<Rules.RuleCreateParams.RedirectRule.ActionParameters.FromValue.TargetURL>()({
  expression: some,
  value: some,
})
const redirect = agreedPartly<Rules.RuleCreateParams.RedirectRule.ActionParameters>()({
  from_value: agreed<Rules.RuleCreateParams.RedirectRule.ActionParameters.FromValue>()({
    ...{ target_url: target, preserve_query_string: flag },
    status_code: z.literal([301, 302, 303, 307, 308]).exactOptional(),
  }).exactOptional(),
})
type CacheParameters = Rules.RuleCreateParams.SetCacheSettingsRule.ActionParameters
const mode = z.literal('override_origin')
const cacheSettings = agreedPartly<CacheParameters>()({
  cache: flag,
  edge_ttl: agreedPartly<NonNullable<CacheParameters['edge_ttl']>>()({ mode, default: z.int().exactOptional() }).exactOptional(),
  browser_ttl: agreedPartly<NonNullable<CacheParameters['browser_ttl']>>()({
    mode,
    default: z.int().exactOptional(),
  }).exactOptional(),
})

/** Rules by their action; each without what this server does not know. */
export const ruleBody = z.discriminatedUnion('action', [
  agreedPartly<Body<Rules.RuleCreateParams.BlockRule>>()({
    ...common,
    action: z.literal('block').exactOptional(),
    ratelimit: limit,
  }),
  agreedPartly<Body<Rules.RuleCreateParams.ChallengeRule>>()({
    ...common,
    action: z.literal('challenge').exactOptional(),
    ratelimit: limit,
  }),
  agreedPartly<Body<Rules.RuleCreateParams.JavaScriptChallengeRule>>()({
    ...common,
    action: z.literal('js_challenge').exactOptional(),
    ratelimit: limit,
  }),
  agreedPartly<Body<Rules.RuleCreateParams.ManagedChallengeRule>>()({
    ...common,
    action: z.literal('managed_challenge').exactOptional(),
    ratelimit: limit,
  }),
  agreedPartly<Body<Rules.RuleCreateParams.LogRule>>()({ ...common, action: z.literal('log').exactOptional(), ratelimit: limit }),
  agreedPartly<Body<Rules.RuleCreateParams.RedirectRule>>()({
    ...common,
    action: z.literal('redirect').exactOptional(),
    action_parameters: redirect.exactOptional(),
  }),
  agreedPartly<Body<Rules.RuleCreateParams.SetCacheSettingsRule>>()({
    ...common,
    action: z.literal('set_cache_settings').exactOptional(),
    action_parameters: cacheSettings.exactOptional(),
  }),
])
export type RuleBody = z.output<typeof ruleBody>

const phase = z.enum([
  'http_request_firewall_custom',
  'http_ratelimit',
  'http_request_dynamic_redirect',
  'http_request_cache_settings',
])
export type TestPhase = z.output<typeof phase>
export const phaseOf = (name: string): TestPhase | undefined => phase.safeParse(name).data

type RulesetBody = Omit<Body<Rulesets.RulesetCreateParams>, 'rules'>
export const rulesetBody = agreedPartly<RulesetBody>()({
  ...{ description: some, name: some, phase: phase.exactOptional() },
  kind: z.literal('zone').exactOptional(),
}).extend({ rules: z.array(ruleBody).exactOptional() })

export const rulesetAnswer = agreed<Omit<Rulesets.RulesetGetResponse, 'rules'>>()({
  ...{ id, kind: z.literal('zone'), last_updated: text, name: text, phase, version: text, description: some },
}).extend({
  rules: z.array(z.looseObject({ id, version: text, last_updated: text, action: text, expression: text, enabled: z.boolean() })),
})

export const routeBody = agreed<Body<Routes.RouteCreateParams>>()({ pattern: text, script: some })
export const routeAnswer = agreed<Routes.RouteListResponse>()({ id, pattern: text, script: some })

const origin = agreedPartly<Balancers.OriginParam>()({ address: some, enabled: flag, name: some })
export const poolBody = agreedPartly<Body<Pools.PoolCreateParams>>()({
  ...{ name: text.regex(/^[\w-]+$/), origins: z.array(origin), description: some, enabled: flag },
})
export const poolAnswer = agreedPartly<Pools.Pool>()({
  ...{ id: id.exactOptional(), name: some, description: some, enabled: flag, created_on: some, modified_on: some },
  origins: z.array(agreedPartly<Balancers.Origin>()({ address: some, enabled: flag, name: some })).exactOptional(),
})

const steering = z.enum([
  'off',
  'geo',
  'random',
  'dynamic_latency',
  'proximity',
  'least_outstanding_requests',
  'least_connections',
  '',
])
export const balancerBody = agreedPartly<Body<Balancers.LoadBalancerCreateParams>>()({
  ...{ default_pools: z.array(text), fallback_pool: text, name: text, description: some, enabled: flag, proxied: flag },
  steering_policy: steering.exactOptional(),
})
export const balancerAnswer = agreedPartly<Balancers.LoadBalancer>()({
  ...{ id: id.exactOptional(), default_pools: z.array(text).exactOptional(), fallback_pool: some, name: some, description: some },
  ...{ enabled: flag, proxied: flag, created_on: some, modified_on: some, steering_policy: steering.exactOptional() },
})

export const purgeBody = z.union([
  agreed<Body<Cache.CachePurgeParams.CachePurgeEverything>>()({ purge_everything: z.literal(true).exactOptional() }).refine(
    body => body.purge_everything === true,
    'nothing to purge',
  ),
  agreed<Body<Cache.CachePurgeParams.CachePurgeFlexPurgeByHostnames>>()({ hosts: z.array(text).min(1).max(30).exactOptional() }),
  agreed<Body<Cache.CachePurgeParams.CachePurgeSingleFile>>()({ files: z.array(text).min(1).max(30).exactOptional() }),
])

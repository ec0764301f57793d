import { z } from 'zod'

/** Names of rules and pools: they stand in Cloudflare's dashboard. */
const name = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'write a name of small letters, digits and hyphens, like block-bots')
const flag = z.boolean().exactOptional()
/** In Cloudflare's rules language; only Cloudflare itself can judge it. */
const when = z
  .string()
  .min(1)
  .max(4_096)
  .describe('Expression of Cloudflare’s rules language, like (http.request.uri.path eq "/login").')
const seconds = z.int().min(0).max(31_536_000)

const waf = z.strictObject({
  when,
  do: z.enum(['block', 'challenge', 'js_challenge', 'managed_challenge', 'log']).default('block'),
  enabled: z.boolean().default(true),
})

const rateLimit = z.strictObject({
  when,
  requests: z.int().min(1).max(1_000_000).describe('How many within `seconds` are too many.'),
  seconds: z.int().min(10).max(65_535).default(60).describe('The free plan of Cloudflare allows 10, others 60 and more.'),
  by: z.array(z.string().min(1).max(200)).min(1).max(10).default(['cf.colo.id', 'ip.src']).describe('What is counted apart.'),
  do: z.enum(['block', 'challenge', 'js_challenge', 'managed_challenge', 'log']).default('block'),
  for_seconds: z.int().min(0).max(86_400).default(60).describe('How long it then applies; 0 for a challenge.'),
  enabled: z.boolean().default(true),
})

const redirect = z
  .strictObject({
    when,
    to: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .exactOptional()
      .describe('Where to.'),
    to_expression: z.string().min(1).max(4_096).exactOptional().describe('Instead of `to`: an expression that gives where to.'),
    status: z.union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)]).default(301),
    keep_query: z.boolean().default(true),
    enabled: z.boolean().default(true),
  })
  .refine(({ to, to_expression }) => (to === undefined) !== (to_expression === undefined), 'write to, or to_expression')

const cacheRule = z.strictObject({
  when,
  cache: z.boolean().default(true).describe('Whether Cloudflare keeps these answers at all.'),
  edge_seconds: seconds.exactOptional().describe('How long Cloudflare keeps them; absent: as the server says.'),
  browser_seconds: seconds.exactOptional().describe('How long browsers keep them; absent: as the server says.'),
  enabled: z.boolean().default(true),
})

const balancer = z.strictObject({
  pools: z
    .record(name, z.array(z.string().min(1).max(253)).min(1).max(20))
    .refine(pools => Object.keys(pools).length > 0, 'a load balancer needs at least one pool')
    .describe('Servers by pool; the first pool is asked first.'),
  fallback: name.exactOptional().describe('Pool for when no other is well; default: the last.'),
  steering: z.enum(['off', 'geo', 'random', 'dynamic_latency', 'proximity', 'least_outstanding_requests']).default('off'),
  proxied: z.boolean().default(true),
})

const toggles = {
  always_use_https: flag.describe('Whether HTTP is redirected to HTTPS.'),
  automatic_https_rewrites: flag,
  opportunistic_encryption: flag,
  http2: flag,
  http3: flag,
  tls_1_3: flag,
  brotli: flag,
  early_hints: flag,
  websockets: flag,
  ipv6: flag,
  always_online: flag,
  browser_check: flag,
  email_obfuscation: flag,
  hotlink_protection: flag,
  development_mode: flag.describe('Three hours without a cache.'),
}
/** Settings that are on or off at Cloudflare. */
export const toggleNames = Object.keys(toggles)

const values = {
  ssl: z
    .enum(['off', 'flexible', 'full', 'strict'])
    .exactOptional()
    .describe('How Cloudflare speaks with this server; strict is the one that checks its certificate.'),
  min_tls_version: z.enum(['1.0', '1.1', '1.2', '1.3']).exactOptional(),
  security_level: z.enum(['off', 'essentially_off', 'low', 'medium', 'high', 'under_attack']).exactOptional(),
  cache_level: z.enum(['basic', 'simplified', 'aggressive']).exactOptional(),
  browser_cache_ttl: z.int().min(0).max(31_536_000).exactOptional(),
  challenge_ttl: z.int().min(300).max(31_536_000).exactOptional(),
}
export const valueNames = Object.keys(values)

/** What Cloudflare does in a zone besides answering for its names. What is not written is left as it is. */
export const cloudflareSchema = z.strictObject({
  ...values,
  ...toggles,
  waf: z.record(name, waf).default({}).describe('Custom rules of the firewall.'),
  rate_limits: z.record(name, rateLimit).default({}),
  redirects: z.record(name, redirect).default({}),
  cache_rules: z.record(name, cacheRule).default({}),
  workers_routes: z
    .record(z.string().min(1).max(500), z.string().max(255))
    .default({})
    .describe('Script of a Worker by pattern, like "example.com/api/*": api; an empty one for none.'),
  load_balancers: z.record(z.string(), balancer).default({}).describe('By name, like shop or shop.example.com.'),
})

export type CloudflareSettings = z.output<typeof cloudflareSchema>

/** Host name of a load balancer that is declared as `@`, by its short name or by its whole one. */
export const balancerName = (zone: string, key: string): string =>
  key === '@' ? zone : key === zone || key.endsWith(`.${zone}`) ? key : `${key}.${zone}`

import type { CloudflareSettings } from '../../../../desired-state/documents/cloudflare-schema.ts'

/** Where each kind of rule stands at Cloudflare. */
export const phases = {
  waf: 'http_request_firewall_custom',
  rate_limits: 'http_ratelimit',
  redirects: 'http_request_dynamic_redirect',
  cache_rules: 'http_request_cache_settings',
} as const
export type Area = keyof typeof phases
export type Phase = (typeof phases)[Area]

export const areaOf = (phase: Phase): Area => {
  const found = (Object.keys(phases) as Area[]).find(area => phases[area] === phase)
  return found ?? 'waf'
}

type Guard = 'block' | 'challenge' | 'js_challenge' | 'managed_challenge' | 'log'
type Status = 301 | 302 | 303 | 307 | 308
interface Common {
  readonly expression: string
  readonly enabled: boolean
}

/** A rule as it is sent, but for the description that marks it. */
export type Rule =
  | (Common & { readonly action: Guard })
  | (Common & {
      readonly action: Guard
      readonly ratelimit: {
        readonly characteristics: string[]
        readonly period: number
        readonly requests_per_period: number
        readonly mitigation_timeout: number
      }
    })
  | (Common & {
      readonly action: 'redirect'
      readonly action_parameters: {
        readonly from_value: {
          readonly target_url: { readonly value: string } | { readonly expression: string }
          readonly status_code: Status
          readonly preserve_query_string: boolean
        }
      }
    })
  | (Common & {
      readonly action: 'set_cache_settings'
      readonly action_parameters: {
        readonly cache: boolean
        readonly edge_ttl?: { readonly mode: 'override_origin'; readonly default: number }
        readonly browser_ttl?: { readonly mode: 'override_origin'; readonly default: number }
      }
    })

interface NamedRule {
  readonly area: Area
  readonly phase: Phase
  readonly name: string
  readonly rule: Rule
}

export function rulesOf({ waf, rate_limits, redirects, cache_rules }: CloudflareSettings): readonly NamedRule[] {
  const named = (area: Area, name: string, rule: Rule): NamedRule => ({ area, phase: phases[area], name, rule })
  return [
    ...Object.entries(waf).map(([name, { when, do: action, enabled }]) =>
      named('waf', name, { expression: when, action, enabled }),
    ),
    ...Object.entries(rate_limits).map(([name, { when, do: action, enabled, by, seconds, requests, for_seconds }]) =>
      named('rate_limits', name, {
        ...{ expression: when, action, enabled },
        ratelimit: { characteristics: by, period: seconds, requests_per_period: requests, mitigation_timeout: for_seconds },
      }),
    ),
    ...Object.entries(redirects).map(([name, { when, enabled, to, to_expression, status, keep_query }]) => {
      const target_url = to === undefined ? { expression: to_expression ?? '' } : { value: to }
      const from_value = { target_url, status_code: status, preserve_query_string: keep_query }
      return named('redirects', name, { expression: when, action: 'redirect', enabled, action_parameters: { from_value } })
    }),
    ...Object.entries(cache_rules).map(([name, { when, enabled, cache, edge_seconds, browser_seconds }]) => {
      const ttl = (value: number) => ({ mode: 'override_origin' as const, default: value })
      const action_parameters = {
        cache,
        ...(edge_seconds !== undefined && { edge_ttl: ttl(edge_seconds) }),
        ...(browser_seconds !== undefined && { browser_ttl: ttl(browser_seconds) }),
      }
      return named('cache_rules', name, { expression: when, action: 'set_cache_settings', enabled, action_parameters })
    }),
  ]
}

/** The mark stands in the description, behind the name. */
export const descriptionOf = (name: string, owner: string): string => `${name} (heritage=ai-infrastructure,owner=${owner})`

/** The name of a rule of ours; undefined for any other. */
export function nameOf(description: string | undefined, owner: string): string | undefined {
  const end = ` (heritage=ai-infrastructure,owner=${owner})`
  return description?.endsWith(end) ? description.slice(0, -end.length) : undefined
}

/** Whether all that is declared is so; what Cloudflare says besides is its own. */
export function contains(found: unknown, declared: unknown): boolean {
  if (Array.isArray(declared)) return Bun.deepEquals(found, declared)
  if (typeof declared !== 'object' || declared === null) return found === declared
  if (typeof found !== 'object' || found === null) return false
  const fields = new Map(Object.entries(found))
  return Object.entries(declared).every(([key, value]) => contains(fields.get(key), value))
}

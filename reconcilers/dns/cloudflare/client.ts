import { BaseCache } from 'cloudflare/resources/cache/cache'
import { BaseRecords } from 'cloudflare/resources/dns/records'
import { BaseLoadBalancers } from 'cloudflare/resources/load-balancers/load-balancers'
import { BasePools } from 'cloudflare/resources/load-balancers/pools/pools'
import { BasePhases } from 'cloudflare/resources/rulesets/phases/phases'
import { BaseRules } from 'cloudflare/resources/rulesets/rules'
import { BaseRulesets } from 'cloudflare/resources/rulesets/rulesets'
import { BaseRoutes } from 'cloudflare/resources/workers/routes'
import { BaseSettings } from 'cloudflare/resources/zones/settings'
import { BaseZones } from 'cloudflare/resources/zones/zones'
import { createClient } from 'cloudflare/tree-shakable'

export type CloudflareCredentials = { readonly apiToken: string } | { readonly apiKey: string; readonly apiEmail: string }

export type CloudflareClient = ReturnType<typeof createCloudflareClient>

/**
 * The official client with what is used of it. It repeats nothing by itself: whoever asks knows whether that is safe. Its
 * own environment variables are not read.
 */
export function createCloudflareClient(credentials: CloudflareCredentials, baseUrl: string | undefined, timeout: number) {
  return createClient({
    ...{ apiToken: null, apiKey: null, apiEmail: null, userServiceKey: null, ...credentials },
    ...{ baseURL: baseUrl ?? 'https://api.cloudflare.com/client/v4', maxRetries: 0, timeout, logLevel: 'off' },
    fetchOptions: { redirect: 'error' },
    resources: [
      BaseZones,
      BaseRecords,
      BaseSettings,
      BaseRulesets,
      BasePhases,
      BaseRules,
      BaseRoutes,
      BaseLoadBalancers,
      BasePools,
      BaseCache,
    ],
  })
}

import { BaseRecords } from 'cloudflare/resources/dns/records'
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
    resources: [BaseZones, BaseRecords],
  })
}

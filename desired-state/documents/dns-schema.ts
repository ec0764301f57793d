import { z } from 'zod'
import { cloudflareSchema } from './cloudflare-schema.ts'
import { recordTypes } from './dns-values.ts'
import { secretReference } from './secret-reference.ts'

/** Base64 of 32 bytes and more, which happens to have none of the signs that no name has. */
const looksLikeKey = /^[A-Za-z0-9]{42,}$/

export const providerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('rfc2136').describe('Any server that takes dynamic updates signed with TSIG: BIND, Knot, PowerDNS.'),
    server: z
      .string()
      .max(253)
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?$/, 'server must be a name or an address, like ns1.example.com')
      .describe('The server that updates are sent to.'),
    port: z.int().min(1).max(65_535).default(53),
    key: z
      .string()
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?$/, 'key must be the name of a TSIG key')
      .refine(text => !looksLikeKey.test(text), 'key must be the name of a TSIG key, and not the key: that goes to secret')
      .describe('Name of the TSIG key.'),
    algorithm: z.enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512']).default('hmac-sha256'),
    secret: secretReference('DNS_KEY').describe('The TSIG key itself, in base64: secret:NAME.'),
  }),
  z
    .strictObject({
      type: z.literal('cloudflare').describe('Zones of an account at Cloudflare.'),
      token: secretReference('CLOUDFLARE_TOKEN')
        .exactOptional()
        .describe('API token, best limited to these zones, that may edit Zone and DNS: secret:CLOUDFLARE_TOKEN.'),
      api_key: secretReference('CLOUDFLARE_API_KEY')
        .exactOptional()
        .describe('Instead of a token, the global API key of an account, with its email: secret:CLOUDFLARE_API_KEY.'),
      email: z
        .email('email must be the address of the account at Cloudflare')
        .exactOptional()
        .describe('Address of the account that api_key is of.'),
      account_id: z
        .string()
        .regex(/^[0-9a-f]{32}$/, 'account_id must be the 32 characters that the dashboard shows')
        .exactOptional()
        .describe('Account that new zones belong to.'),
    })
    .refine(({ token, api_key }) => (token === undefined) !== (api_key === undefined), 'write token, or api_key with email')
    .refine(({ api_key, email }) => (api_key === undefined) === (email === undefined), 'api_key and email go together'),
])

const oneOrMore = z.union([z.string().max(4_000), z.array(z.string().max(4_000)).min(1).max(100)])

const recordSet = z.union([
  oneOrMore,
  z.strictObject({
    values: oneOrMore,
    ttl: z.int().min(1).max(604_800).optional(),
    proxied: z.boolean().optional().describe('Through Cloudflare, or not.'),
    adopt: z.boolean().optional().describe('Take over records of this name and type that were made elsewhere.'),
  }),
])

export const zoneSchema = z.strictObject({
  provider: z.string().describe('One of the providers above.'),
  ttl: z.int().min(1).max(604_800).default(300).describe('Seconds that others may keep an answer. Default: 300.'),
  sites: z
    .boolean()
    .default(true)
    .describe('Whether the names of domains.yaml in this zone get records that lead to this server. Default: true.'),
  create: z.boolean().default(false).describe('Whether a zone that Cloudflare does not have yet is made there. Default: false.'),
  proxied: z
    .boolean()
    .default(false)
    .describe('Whether addresses and CNAMEs lead through Cloudflare, unless they say otherwise. Default: false.'),
  cloudflare: cloudflareSchema.exactOptional().describe('What Cloudflare does in the zone besides answering for its names.'),
  records: z
    .record(z.string(), z.partialRecord(z.enum(recordTypes), recordSet))
    .default({})
    .describe('By name (@ is the zone itself, www is www.ZONE), then by type.'),
})

/** `dns.yaml`. An absent file means that DNS is somebody else's. */
export const dnsSchema = z.strictObject({
  providers: z.record(z.string(), providerSchema).default({}).describe('Servers that answer for zones, by a name of your own.'),
  zones: z.record(z.string(), zoneSchema).default({}).describe('Zones by name, like example.com.'),
})

import { z } from 'zod'
import { branchSchema } from './branch.ts'
import { parseRepo } from './deploy.ts'
import { type Parsed, parseSiteName } from './host.ts'
import { tlsSchema } from './settings.ts'
import { parseRedirect, parseUpstream } from './url.ts'

const filePattern = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$/

const directoryPattern = new RegExp(`${filePattern.source}|^\\.$`)

/** Text with a parser of its own, whose sentence becomes the mistake. */
const parsed = <T>(parse: (text: string) => Parsed<T>, longest: number) =>
  z
    .string()
    .max(longest)
    .transform((text, context) => {
      const result = parse(text)
      if ('ok' in result) return result.ok
      context.addIssue({ code: 'custom', message: result.wrong })
      return z.NEVER
    })

const file = (message: string) => z.string().max(200).regex(filePattern, message)

export const deploySchema = z.strictObject({
  repo: parsed(parseRepo, 500).describe('Git URL (https, ssh, git), user@host:path, or an absolute path on the server.'),
  branch: branchSchema.default('main').describe('Branch that is followed.'),
  directory: z
    .string()
    .max(200)
    .regex(directoryPattern, 'directory must be a folder of the repository, like public or build/site, or . for all of it')
    .default('.')
    .describe('Folder of the repository that is served; . is all of it.'),
})

/** Seconds. */
export const year = 31_536_000

export const hstsSchema = z.union(
  [
    z.literal(true).transform(() => ({ seconds: year, subdomains: false, preload: false })),
    z
      .strictObject({
        max_age_seconds: z.int().min(0).max(63_072_000).default(year).describe('Default: a year. 0 takes it back.'),
        include_subdomains: z.boolean().default(false).describe('For all names below it, too.'),
        preload: z.boolean().default(false).describe("Lets browsers' list take the name up, which is hard to undo."),
      })
      .transform(fields => ({
        ...{ seconds: fields.max_age_seconds, subdomains: fields.include_subdomains, preload: fields.preload },
      })),
  ],
  { error: 'hsts must be true, or a map like { max_age_seconds: 31536000, include_subdomains: true }' },
)

/** One entry of `domains:`. Which fields go with which kind, and what strings may be, is checked where it is parsed. */
export const domainSchema = z
  .strictObject({
    root: z
      .string()
      .max(100)
      .regex(/^[a-z0-9][a-z0-9._-]*$/, {
        error: 'root must be the name of one folder below www/, like blog: small letters, digits and . _ - without a slash',
      })
      .optional()
      .describe('Folder below www/ whose files are served.'),
    proxy: parsed(parseUpstream, 500).optional().describe('URL of a server that answers: http://127.0.0.1:9000.'),
    redirect: parsed(parseRedirect, 2000)
      .optional()
      .describe('URL that visitors are sent to. Without a path it keeps the path that was asked for.'),
    portal: z
      .literal(true, { error: 'portal must be true; remove it where the portal is not wanted' })
      .optional()
      .describe('The portal itself; needs TLS.'),
    aliases: z.array(parsed(parseSiteName, 300)).max(100).default([]).describe('Further host names of the same site.'),
    tls: tlsSchema.optional().describe('none, self-signed or acme. Default: tls of settings.yaml.'),
    challenge: z
      .enum(['http', 'dns'])
      .optional()
      .describe(
        'How an authority sees that the names are ours: http (port 80 reaches this server) or dns (its zone is in dns.yaml). Default: dns for a name with a star, else http. With tls: acme.',
      ),
    hsts: hstsSchema
      .optional()
      .describe('Browsers insist on TLS from their first visit on: true for a year, or { max_age_seconds: … }. With tls: acme.'),
    index: z
      .array(
        z
          .string()
          .max(100)
          .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/, 'index must list names of files, like index.html'),
      )
      .min(1)
      .max(8)
      .optional()
      .describe('Files that answer for a folder, the first that exists. Default: [index.html]. With root.'),
    not_found: file('not_found must be a file below the root, like 404.html')
      .optional()
      .describe('File below the root that answers unknown pages. With root.'),
    cache_seconds: z
      .int()
      .min(0)
      .max(31_536_000)
      .optional()
      .describe('Seconds that browsers may keep files that are not pages. Default: 3600. With root.'),
    deploy: deploySchema.optional().describe('Git repository that the files come from. With root.'),
    websocket: z.boolean().optional().describe('Pass WebSocket connections on. Default: false. With proxy.'),
    timeout_seconds: z
      .int()
      .min(1)
      .max(3600)
      .optional()
      .describe('Seconds until a silent upstream is given up. Default: 60. With proxy.'),
    body_mebibytes: z.int().min(1).max(10_240).optional().describe('Largest request body in MiB. Default: 16. With proxy.'),
    status: z
      .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
        error: 'status must be 301, 302, 303, 307 or 308',
      })
      .optional()
      .describe('301 and 308 are permanent, 302, 303 and 307 are not. Default: 301. With redirect.'),
  })
  .meta({ oneOf: ['root', 'proxy', 'redirect', 'portal'].map(kind => ({ required: [kind] })) })

/** `domains.yaml`. An absent file means no domains. */
export const domainsSchema = z.strictObject({
  domains: z.record(z.string(), domainSchema).default({}).describe('Sites by host name.'),
})

/** One domain as `domains.yaml` writes it. */
export type DomainDocument = z.input<typeof domainSchema>

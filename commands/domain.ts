import { z } from 'zod'
import { planLines } from '../web/git/lines.ts'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, WrongUse } from './command.ts'
import { planShape, waitShape } from './shapes.ts'
import { statusLines } from './status.ts'
import { table } from './table.ts'

const part = z.object({ state: z.string(), message: z.string() })

const domainsShape = z.object({
  domains: z.array(
    z.object({
      domain: z.string(),
      aliases: z.array(z.string()),
      serves: z.string(),
      tls: z.string(),
      site: part.optional(),
      certificate: part.extend({ ends: z.string().optional() }).optional(),
      dns: part.extend({ zone: z.string().optional() }).optional(),
      visits: z.object({ requests: z.number(), bytes: z.number(), errors: z.number() }),
    }),
  ),
})

const editedShape = z.object({ revision: z.string(), unchanged: z.boolean() })

const options = {
  root: { type: 'string' },
  deploy: { type: 'string' },
  branch: { type: 'string' },
  directory: { type: 'string' },
  proxy: { type: 'string' },
  websocket: { type: 'boolean' },
  timeout: { type: 'string' },
  redirect: { type: 'string' },
  status: { type: 'string' },
  portal: { type: 'boolean' },
  alias: { type: 'string', multiple: true },
  tls: { type: 'string' },
  challenge: { type: 'string' },
  hsts: { type: 'boolean' },
  'zone-at': { type: 'string' },
  zone: { type: 'string' },
  replace: { type: 'boolean' },
  plan: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

export const domain: Command = {
  name: 'domain',
  usage: [
    'list [--json]',
    'add HOST --root FOLDER [--deploy REPOSITORY [--branch B] [--directory D]] [HOW] [--replace] [--plan] [--json]',
    'add HOST --proxy URL [--websocket] [--timeout SECONDS] [HOW] [--replace] [--plan] [--json]',
    'add HOST --redirect URL [--status N] [HOW] [--replace] [--plan] [--json]',
    'add HOST --portal [HOW] [--replace] [--plan] [--json]',
    'remove HOST [--plan] [--json]',
  ].join('\n'),
  details: [
    'HOW     [--alias HOST]… [--tls none|self-signed|acme] [--challenge http|dns] [--hsts] [--zone-at PROVIDER [--zone NAME]]',
    '--zone-at keeps a zone for it from here too, at a provider that dns.yaml names; --plan shows what would be done, and does nothing',
  ],
  summary: 'sites with their certificates, DNS records and visits; each change is a commit',
  async run(args, context) {
    const { values, positionals } = readArguments(args, options, { least: 1, most: 2, missing: 'what to do with domains' })
    const [action, host] = positionals
    const { json = false, replace = false, plan = false, 'zone-at': provider, zone, ...declared } = values
    if (action === 'list' && host === undefined) return list(context, json)
    if (host === undefined) throw new WrongUse('say which domain')
    const way = plan ? planned : change
    if (action === 'add') {
      const body = { domain: host, declaration: declarationOf(declared), replace, ...zoneOf(provider, zone) }
      return way(context, '/api/domains', body, json)
    }
    if (action !== 'remove') throw new WrongUse(`${action} is nothing that domain can do`)
    if (replace || provider !== undefined || zone !== undefined || Object.keys(declared).length > 0)
      throw new WrongUse('remove takes nothing but the name')
    return way(context, '/api/domains/remove', { domain: host }, json)
  },
}

type Values = Readonly<{
  [name in
    | 'root'
    | 'deploy'
    | 'branch'
    | 'directory'
    | 'proxy'
    | 'timeout'
    | 'redirect'
    | 'status'
    | 'tls'
    | 'challenge']?: string
}> & { readonly [name in 'websocket' | 'portal' | 'hsts']?: boolean } & { readonly alias?: readonly string[] }

/** The entry of domains.yaml that the options mean; whether it is right is for the repository to say. */
export function declarationOf(values: Values): Readonly<Record<string, unknown>> {
  const { alias, status, timeout, deploy, branch, directory, ...rest } = values
  if (deploy === undefined && (branch ?? directory) !== undefined) throw new WrongUse('--branch and --directory go with --deploy')
  return {
    ...rest,
    ...(deploy === undefined
      ? {}
      : {
          deploy: {
            repo: deploy,
            ...(branch === undefined ? {} : { branch }),
            ...(directory === undefined ? {} : { directory }),
          },
        }),
    ...(timeout === undefined ? {} : { timeout_seconds: numberIn(timeout) }),
    ...(status === undefined ? {} : { status: numberIn(status) }),
    ...(alias === undefined ? {} : { aliases: alias }),
  }
}

/** The text as typed where it is no number, for the repository to refuse. */
const numberIn = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : text)

function zoneOf(provider: string | undefined, name: string | undefined) {
  if (provider !== undefined) return { zone: { provider, ...(name === undefined ? {} : { name }) } }
  if (name !== undefined) throw new WrongUse('--zone goes with --zone-at')
  return {}
}

async function list({ environment, out }: CommandContext, json: boolean): Promise<ExitStatus> {
  const { domains } = await askAppliance(environment.home, 'GET', '/api/domains', domainsShape)
  if (json) out(JSON.stringify(domains))
  else if (domains.length === 0) out('No domain is declared.')
  else for (const line of domainLines(domains, new Date())) out(line)
  return 0
}

/** One line for each, and below it what is in its way. */
export function domainLines(domains: z.infer<typeof domainsShape>['domains'], now: Date): string[] {
  const heading = ['HOST', 'STATE', 'SERVES', 'CERTIFICATE', 'DNS', 'REQUESTS 24 H']
  const rows = domains.map(({ domain, aliases, site, serves, tls, certificate, dns, visits }) => [
    aliases.length === 0 ? domain : `${domain} +${aliases.length}`,
    site?.state ?? 'new',
    serves,
    certificate === undefined ? tls : certificateWord(certificate, now),
    dns === undefined ? 'elsewhere' : dns.state === 'ready' ? (dns.zone ?? 'ready') : dns.state,
    `${visits.requests}${visits.errors > 0 ? `, ${visits.errors} failed` : ''}`,
  ])
  const troubles = domains.flatMap(({ domain, site, certificate, dns }) =>
    Object.entries({ site, certificate, dns }).flatMap(([kind, found]) =>
      found === undefined || found.state === 'ready' || found.message === '' ? [] : [`! ${domain}, ${kind}: ${found.message}`],
    ),
  )
  return [...table([heading, ...rows]), ...troubles]
}

function certificateWord({ state, ends }: { readonly state: string; readonly ends?: string | undefined }, now: Date): string {
  if (state !== 'ready' || ends === undefined) return state
  return `${Math.floor((Date.parse(ends) - now.getTime()) / 86_400_000)} days`
}

/** Commits it, and waits for what the server makes of it. */
async function change({ environment, out }: CommandContext, path: string, body: unknown, json: boolean): Promise<ExitStatus> {
  const { revision, unchanged } = await askAppliance(environment.home, 'POST', path, editedShape, body)
  const query = new URLSearchParams({ revision, timeout: '60' })
  const reached = await askAppliance(environment.home, 'GET', `/api/wait?${query}`, waitShape)
  if (json) out(JSON.stringify(reached))
  else {
    out(unchanged ? `main declares the same already, at ${revision.slice(0, 8)}` : `committed as ${revision.slice(0, 8)}`)
    for (const line of statusLines(reached, new Date())) out(line)
  }
  return reached.converged ? 0 : 1
}

/** What the commit would do now. */
async function planned({ environment, out }: CommandContext, path: string, body: unknown, json: boolean): Promise<ExitStatus> {
  const plan = await askAppliance(environment.home, 'POST', `${path}/plan`, planShape, body)
  if (json) out(JSON.stringify(plan))
  else for (const line of planLines(plan)) out(line)
  return 0
}

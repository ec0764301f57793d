import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, WrongUse } from './command.ts'
import { waitShape } from './shapes.ts'
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
  proxy: { type: 'string' },
  websocket: { type: 'boolean' },
  redirect: { type: 'string' },
  status: { type: 'string' },
  portal: { type: 'boolean' },
  alias: { type: 'string', multiple: true },
  tls: { type: 'string' },
  replace: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

export const domain: Command = {
  name: 'domain',
  usage:
    'list [--json]\nadd HOST --root FOLDER [--alias HOST]… [--tls none|self-signed|acme] [--replace] [--json]\nadd HOST --proxy URL [--websocket] [--alias HOST]… [--tls none|self-signed|acme] [--replace] [--json]\nadd HOST --redirect URL [--status N] [--alias HOST]… [--tls none|self-signed|acme] [--replace] [--json]\nadd HOST --portal [--alias HOST]… [--tls self-signed|acme] [--replace] [--json]\nremove HOST [--json]',
  summary: 'sites with their certificates, DNS records and visits; each change is a commit',
  async run(args, context) {
    const { values, positionals } = readArguments(args, options, { least: 1, most: 2 })
    const [action, host] = positionals
    const { json = false, replace = false, ...declared } = values
    if (action === 'list' && host === undefined) return list(context, json)
    if (host === undefined) throw new WrongUse('say which domain')
    if (action === 'add')
      return change(context, '/api/domains', { domain: host, declaration: declarationOf(declared), replace }, json)
    if (replace || Object.keys(declared).length > 0) throw new WrongUse('remove takes nothing but the name')
    if (action === 'remove') return change(context, '/api/domains/remove', { domain: host }, json)
    throw new WrongUse(`${action} is nothing that domain can do`)
  },
}

type Values = Readonly<{
  [name in 'root' | 'proxy' | 'redirect' | 'status' | 'tls']?: string
}> & { readonly websocket?: boolean; readonly portal?: boolean; readonly alias?: readonly string[] }

/** The entry of domains.yaml that the options mean; whether it is right is for the repository to say. */
export function declarationOf({ alias, status, ...rest }: Values): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    ...(status === undefined ? {} : { status: /^\d{1,9}$/.test(status) ? Number(status) : status }),
    ...(alias === undefined ? {} : { aliases: alias }),
  }
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

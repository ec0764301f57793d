import { z } from 'zod'
import { readArguments } from './arguments.ts'
import { askAppliance } from './client.ts'
import { type Command, type CommandContext, type ExitStatus, WrongUse } from './command.ts'
import { harmless } from './harmless.ts'
import { table } from './table.ts'

const zone = z.object({
  ...{ zone: z.string(), provider: z.string(), type: z.string(), records: z.number(), settings: z.number(), state: z.string() },
  problems: z.array(z.string()),
})
const entry = z.object({
  ...{ kind: z.string(), key: z.string(), ttl: z.number().optional(), proxied: z.boolean().optional() },
  ...{ values: z.array(z.string()), state: z.string(), message: z.string() },
})
const view = z.object({ ...zone.shape, entries: z.array(entry), snapshots: z.array(z.string()) })
const day = z.object({
  ...{
    date: z.string(),
    requests: z.number(),
    cached_requests: z.number(),
    bytes: z.number(),
    threats: z.number(),
    visitors: z.number(),
  },
})
const accountZone = z.object({
  ...{ zone: z.string(), status: z.string(), declared: z.boolean(), name_servers: z.array(z.string()) },
})

export const dns: Command = {
  name: 'dns',
  usage: '[list | account PROVIDER | show ZONE [SNAPSHOT] | traffic ZONE | purge ZONE [URL...] | forget ZONE] [--json]',
  summary: 'zones that are kept from here, what they hold and held, and what Cloudflare counts and keeps of them',
  async run(args, context) {
    const { positionals, values } = readArguments(args, { json: { type: 'boolean' } }, { least: 0, most: 302 })
    const [verb = 'list', name, ...rest] = positionals
    const json = values.json === true
    if (verb === 'list' && name === undefined) return list(context, json)
    if (name === undefined) throw new WrongUse(`the ${verb === 'account' ? 'PROVIDER' : 'ZONE'} is missing`)
    if (verb === 'account' && rest.length === 0) return account(context, name, json)
    if (verb === 'show') return show(context, name, rest, json)
    if (verb === 'traffic' && rest.length === 0) return traffic(context, name, json)
    if (verb === 'purge') return purge(context, name, rest)
    if (verb === 'forget' && rest.length === 0) return forget(context, name)
    throw new WrongUse(`${verb} is none of list, account, show, traffic, purge and forget, or has too much behind it`)
  },
}

const pathOf = (name: string, more = '') => `/api/dns/${encodeURIComponent(name)}${more}`

async function list({ environment, out }: CommandContext, json: boolean): Promise<ExitStatus> {
  const zones = await askAppliance(environment.home, 'GET', '/api/dns', z.array(zone))
  if (json) out(JSON.stringify(zones))
  else if (zones.length === 0) out('dns.yaml declares no zone.')
  else {
    const rows = zones.map(one => [
      one.zone,
      `${one.provider} (${one.type})`,
      String(one.records),
      String(one.settings),
      one.state,
    ])
    for (const line of table([['ZONE', 'PROVIDER', 'RECORDS', 'SETTINGS', 'STATE'], ...rows])) out(line)
    for (const problem of zones.flatMap(({ problems }) => problems)) out(`  ${harmless(problem)}`)
  }
  return zones.every(({ state }) => state === 'ready') ? 0 : 1
}

async function show(
  { environment, out }: CommandContext,
  name: string,
  rest: readonly string[],
  json: boolean,
): Promise<ExitStatus> {
  const [snapshot, more] = rest
  if (more !== undefined) throw new WrongUse(`there is one snapshot too many: ${more}`)
  if (snapshot !== undefined) {
    const held = await askAppliance(
      environment.home,
      'GET',
      pathOf(name, `/snapshots/${encodeURIComponent(snapshot)}`),
      z.unknown(),
    )
    out(JSON.stringify(held, null, json ? undefined : 1))
    return 0
  }
  const found = await askAppliance(environment.home, 'GET', pathOf(name), view)
  if (json) {
    out(JSON.stringify(found))
    return 0
  }
  const rows = found.entries.map(({ kind, key, ttl, proxied, values, state, message }) => [
    ...[kind, harmless(key), state, ttl === undefined ? '' : proxied ? 'proxied' : `${ttl} s`],
    harmless(state === 'ready' ? values.join(', ') || message : message),
  ])
  for (const line of table([['KIND', 'NAME', 'STATE', 'TTL', ''], ...rows])) out(line)
  for (const one of found.snapshots) out(`held before a change: ${one}`)
  return 0
}

async function traffic({ environment, out }: CommandContext, name: string, json: boolean): Promise<ExitStatus> {
  const days = await askAppliance(environment.home, 'GET', pathOf(name, '/traffic'), z.array(day))
  if (json) out(JSON.stringify(days))
  else {
    const rows = days.map(({ date, requests, cached_requests, bytes, threats, visitors }) => [
      ...[date, ...[requests, cached_requests, Math.round(bytes / 1_048_576), threats, visitors].map(String)],
    ])
    for (const line of table([['DAY', 'REQUESTS', 'CACHED', 'MIB', 'THREATS', 'VISITORS'], ...rows])) out(line)
  }
  return 0
}

async function account({ environment, out }: CommandContext, provider: string, json: boolean): Promise<ExitStatus> {
  const zones = await askAppliance(
    environment.home,
    'GET',
    `/api/dns-accounts/${encodeURIComponent(provider)}`,
    z.array(accountZone),
  )
  if (json) out(JSON.stringify(zones))
  else {
    const rows = zones.map(one => [one.zone, one.status, one.declared ? 'yes' : 'no', one.name_servers.join(' ')].map(harmless))
    for (const line of table([['ZONE', 'STATUS', 'DECLARED', 'NAME SERVERS'], ...rows])) out(line)
  }
  return 0
}

async function purge({ environment, out }: CommandContext, name: string, files: readonly string[]): Promise<ExitStatus> {
  await askAppliance(environment.home, 'POST', pathOf(name, '/purge'), z.object({ purged: z.string() }), { files })
  out(
    files.length === 0
      ? `Cloudflare has forgotten what it kept of ${name}.`
      : `Cloudflare has forgotten ${files.length} addresses.`,
  )
  return 0
}

async function forget({ environment, out }: CommandContext, name: string): Promise<ExitStatus> {
  await askAppliance(environment.home, 'POST', pathOf(name, '/forget'), z.object({ forgotten: z.string() }))
  out(`${name} is forgotten: nothing from here is looked for there any more.`)
  return 0
}

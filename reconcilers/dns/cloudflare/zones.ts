import { z } from 'zod'
import type { CloudflareProvider } from '../../../desired-state/state.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { NoSuchZone } from '../provider.ts'
import type { Ask, CloudflareAccount } from './api.ts'

const zoneShape = z.object({
  id: z.string().min(1),
  name: z.string(),
  status: z.string().optional(),
  name_servers: z.array(z.string()).nullish(),
})
export type CloudflareZone = z.output<typeof zoneShape>

const listShape = z.object({ success: z.literal(true), result: z.array(zoneShape) })
const pageShape = z.object({
  ...{ success: z.literal(true), result: z.array(zoneShape) },
  result_info: z.object({ total_count: z.int().min(0), total_pages: z.int().min(0) }),
})
const oneShape = z.object({ success: z.literal(true), result: zoneShape })

export type ZoneLookUp = Pick<CloudflareAccount, 'zones'> & { readonly declared: CloudflareProvider; readonly ask: Ask }

/** The zone of that name in the account; throws NoSuchZone. */
export async function findZone({ declared, ask }: ZoneLookUp, name: string, signal: AbortSignal): Promise<CloudflareZone> {
  const { account_id } = declared
  const { result } = await ask(
    `find the zone ${name}`,
    listShape,
    (client, options) =>
      client.zones.list({ name, per_page: 50, ...(account_id !== undefined && { account: { id: account_id } }) }, options),
    signal,
  )
  const [zone, second] = result.filter(one => one.name === name)
  if (second !== undefined) {
    const hint = `write account_id into providers.${declared.name}`
    throw new ApplianceError('stalled', `several accounts at Cloudflare have a zone ${name}`, { subject: `dns/${name}`, hint })
  }
  if (zone !== undefined) return zone
  const hint = `write create: true into the zone to have it made, or let the token of providers.${declared.name} read it`
  throw new NoSuchZone(`Cloudflare shows no zone ${name} to this token`, hint, name)
}

/** Of one request; Cloudflare gives no more. */
const perPage = 50

/** All that the account, or the token, has. */
export async function zonesOf(
  { declared, ask }: Omit<ZoneLookUp, 'zones'>,
  signal: AbortSignal,
): Promise<readonly CloudflareZone[]> {
  const { account_id } = declared
  const found = new Map<string, CloudflareZone>()
  for (let page = 1; ; page++) {
    const { result, result_info } = await ask(
      'list its zones',
      pageShape,
      (client, options) =>
        client.zones.list({ page, per_page: perPage, ...(account_id !== undefined && { account: { id: account_id } }) }, options),
      signal,
    )
    for (const zone of result) found.set(zone.id, zone)
    if (page >= result_info.total_pages) return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

/** Its id, asked for once. */
export async function zoneId(look: ZoneLookUp, name: string, signal: AbortSignal): Promise<string> {
  const known = look.zones.get(name)
  if (known !== undefined) return known.id
  const { id, unseen } = await lookAtZone(look, name, signal)
  look.zones.set(name, { id, seen: unseen === undefined })
  return id
}

/** Why the world does not see it, asked until it does. */
export async function unseen(look: ZoneLookUp, name: string, signal: AbortSignal): Promise<string | undefined> {
  if (look.zones.get(name)?.seen === true) return undefined
  const zone = await lookAtZone(look, name, signal)
  look.zones.set(name, { id: zone.id, seen: zone.unseen === undefined })
  return zone.unseen
}

async function lookAtZone(look: ZoneLookUp, name: string, signal: AbortSignal) {
  const zone = await findZone(look, name, signal)
  return { id: zone.id, unseen: unseenOf(zone) }
}

export async function createZone(look: ZoneLookUp, name: string, signal: AbortSignal): Promise<void> {
  const { declared, ask } = look
  const { account_id } = declared
  if (account_id === undefined) {
    const hint = `write account_id into providers.${declared.name}`
    throw new ApplianceError('stalled', `it is not said in which account ${name} is to be made`, { subject: `dns/${name}`, hint })
  }
  const there = await findZone(look, name, signal).catch(error => {
    if (error instanceof NoSuchZone) return undefined
    throw error
  })
  if (there !== undefined) return
  await ask(
    `make the zone ${name}`,
    oneShape,
    (client, options) => client.zones.create({ name, account: { id: account_id }, type: 'full' }, options),
    signal,
  )
}

/** Why, and what to do. */
function unseenOf({ name, status, name_servers }: CloudflareZone): string | undefined {
  if (status === undefined || status === 'active') return undefined
  const servers = name_servers?.join(' and ') ?? 'those that its dashboard names'
  return status === 'moved'
    ? `${name} has left Cloudflare: let its registrar name the servers ${servers} again`
    : `Cloudflare waits for the registrar of ${name} to name the servers ${servers}`
}

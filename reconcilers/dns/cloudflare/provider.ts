import { z } from 'zod'
import type { CloudflareProvider } from '../../../desired-state/state.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { changeApart } from '../apart.ts'
import { type Correction, type Provider, setKey, setOf } from '../provider.ts'
import { type Ask, type CloudflareAccount, type CloudflareDeps, createAsk } from './api.ts'
import { changedMeanwhile, inRequests, isMade, operationsOf, together } from './batches.ts'
import { challengesOf } from './challenges.ts'
import { Uncertain } from './errors.ts'
import { contentOf, type LiveRecord, liveRecords, recordShape } from './records.ts'
import { createZone, unseen, type ZoneLookUp, zoneId } from './zones.ts'

/** Records of one page; Cloudflare allows more. */
const perPage = 5_000

const pageShape = z.object({
  success: z.literal(true),
  result: z.array(recordShape),
  result_info: z.object({ total_count: z.int().min(0), total_pages: z.int().min(0) }),
})
const batchShape = z.object({ success: z.literal(true), result: z.object({}) })

/** Zones at Cloudflare. Its records carry the mark in their comments, so that each record is ours or not by itself. */
export function createCloudflare(declared: CloudflareProvider, deps: CloudflareDeps & { readonly owner: string }): Provider {
  const { owner, account } = deps
  const ask = createAsk(declared, deps)
  const look: ZoneLookUp = { declared, ask, zones: account.zones }
  // What was read last: a change needs the ids of the records that it decides on.
  let last: readonly LiveRecord[] | undefined
  const records = async (zone: string, signal: AbortSignal): Promise<readonly LiveRecord[]> => {
    last = await recordsOf(ask, await zoneId(look, zone, signal), zone, signal)
    return last
  }
  return {
    async read(zone, signal) {
      const why = await unseen(look, zone, signal)
      const content = contentOf(await forgettingZone(account.zones, zone, () => records(zone, signal)), owner)
      return why === undefined ? content : { ...content, unseen: why }
    },
    async change(zone, corrections, signal) {
      const live = bySet(last ?? (await records(zone, signal)))
      last = undefined
      const failures = new Map<string, Error>()
      const due = corrections.filter(correction => {
        const error = changedMeanwhile(correction, liveOf(live, correction), owner)
        if (error !== undefined) failures.set(setKey(setOf(correction)), error)
        return error === undefined
      })
      const id = await zoneId(look, zone, signal)
      for (const part of inRequests(due, live, owner)) {
        await changeApart(part, failures, batch =>
          sendOrLook(batch, failures, {
            send: () => sendBatch(ask, id, zone, batch, live, owner, signal),
            look: async () => bySet(await records(zone, signal)),
            owner,
          }),
        )
      }
      return failures
    },
    create: (zone, signal) => createZone(look, zone, signal),
    challenges: challengesOf(look, ask),
  }
}

/** A zone that was removed and made again has another id. */
async function forgettingZone<T>(zones: CloudflareAccount['zones'], zone: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ApplianceError && error.kind === 'stalled') zones.delete(zone)
    throw error
  }
}

const bySet = (records: readonly LiveRecord[]) => Map.groupBy(records, setKey)
const liveOf = (live: ReadonlyMap<string, readonly LiveRecord[]>, correction: Correction) =>
  live.get(setKey(setOf(correction))) ?? []

async function recordsOf(ask: Ask, zone_id: string, zone: string, signal: AbortSignal): Promise<readonly LiveRecord[]> {
  const found = new Map<string, z.output<typeof recordShape>>()
  for (let page = 1; ; page++) {
    const { result, result_info } = await ask(
      `read the records of ${zone}`,
      pageShape,
      (client, options) => client.dns.records.list({ zone_id, page, per_page: perPage, order: 'name' }, options),
      signal,
    )
    for (const record of result) found.set(record.id, record)
    if (page < result_info.total_pages) continue
    if (found.size === result_info.total_count) return liveRecords([...found.values()])
    throw new Uncertain(`Cloudflare gave ${found.size} of ${result_info.total_count} records of ${zone}`)
  }
}

async function sendBatch(
  ask: Ask,
  zone_id: string,
  zone: string,
  corrections: readonly Correction[],
  live: ReadonlyMap<string, readonly LiveRecord[]>,
  owner: string,
  signal: AbortSignal,
): Promise<void> {
  const { deletes, patches, posts } = together(corrections.map(one => operationsOf(one, liveOf(live, one), owner)))
  const body = { deletes: [...deletes], patches: [...patches], posts: [...posts] }
  await ask(`change ${zone}`, batchShape, (client, options) => client.dns.records.batch({ zone_id, ...body }, options), signal)
}

/** A request of which nobody knows whether it was obeyed is not repeated: a look says what came of it. */
async function sendOrLook(
  corrections: readonly Correction[],
  failures: Map<string, Error>,
  {
    send,
    look,
    owner,
  }: { send: () => Promise<void>; look: () => Promise<ReadonlyMap<string, readonly LiveRecord[]>>; owner: string },
): Promise<void> {
  try {
    await send()
  } catch (error) {
    if (!(error instanceof Uncertain)) throw error
    const live = await look()
    for (const correction of corrections) {
      if (isMade(correction, liveOf(live, correction), owner)) continue
      failures.set(
        setKey(setOf(correction)),
        new ApplianceError('failed', error.message, { hint: 'it was not done, and is tried again' }),
      )
    }
  }
}

import { z } from 'zod'
import type { Challenges } from '../provider.ts'
import { writeData } from '../zone-text.ts'
import type { Ask } from './api.ts'
import { Uncertain } from './errors.ts'
import { liveRecords, recordShape } from './records.ts'
import { type ZoneLookUp, zoneId } from './zones.ts'

const listShape = z.object({ success: z.literal(true), result: z.array(recordShape) })
const doneShape = z.object({ success: z.literal(true), result: z.object({}) })
/** Seconds; the least that Cloudflare keeps. */
const challengeTtl = 60

/** TXT values without a mark. Cloudflare's servers have what its API has within seconds, and the authority looks again. */
export function challengesOf(look: ZoneLookUp, ask: Ask): Challenges {
  const there = async (zone: string, name: string, value: string, signal: AbortSignal) => {
    const zone_id = await zoneId(look, zone, signal)
    const { result } = await ask(
      `read the TXT records of ${name}`,
      listShape,
      (client, options) => client.dns.records.list({ zone_id, type: 'TXT', name: { exact: name }, per_page: 100 }, options),
      signal,
    )
    return { zone_id, found: liveRecords(result).filter(record => record.name === name && record.value === value) }
  }
  const batch = async (
    doing: string,
    zone_id: string,
    body: Parameters<Batch>[0],
    isDone: () => Promise<boolean>,
    signal: AbortSignal,
  ) => {
    try {
      await ask(doing, doneShape, (client, options) => client.dns.records.batch({ zone_id, ...body }, options), signal)
    } catch (error) {
      if (!(error instanceof Uncertain) || !(await isDone())) throw error
    }
  }
  return {
    async present(zone, name, value, signal) {
      const { zone_id, found } = await there(zone, name, value, signal)
      if (found.length > 0) return
      const post = { type: 'TXT' as const, name, ttl: challengeTtl, content: writeData('TXT', value) }
      const isDone = async () => (await there(zone, name, value, signal)).found.length > 0
      await batch(`answer the challenge of ${name}`, zone_id, { posts: [post] }, isDone, signal)
    },
    async withdraw(zone, name, value, signal) {
      const { zone_id, found } = await there(zone, name, value, signal)
      if (found.length === 0) return
      const isDone = async () => (await there(zone, name, value, signal)).found.length === 0
      await batch(`withdraw the answer of ${name}`, zone_id, { deletes: found.map(({ id }) => ({ id })) }, isDone, signal)
    },
    isVisible: async (zone, name, value, signal) => (await there(zone, name, value, signal)).found.length > 0,
  }
}

type Batch = (body: {
  readonly deletes?: { readonly id: string }[]
  readonly posts?: { readonly type: 'TXT'; readonly name: string; readonly ttl: number; readonly content: string }[]
}) => void

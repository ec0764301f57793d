import type { ZoneAccess } from './settings/observe.ts'
import { doneShape } from './settings/shapes.ts'

/** Names or addresses of one request (Cloudflare, purge cache: 30 on the free plan). */
const mostAtOnce = 30

export type Purged = { readonly hosts: readonly string[] } | { readonly files: readonly string[] } | 'everything'

/** Has Cloudflare forget what it keeps of a zone; twice is as good as once. */
export async function purgeCache(zone: string, what: Purged, { ask, zoneId }: ZoneAccess, signal: AbortSignal): Promise<void> {
  const zone_id = await zoneId(signal)
  const bodies =
    what === 'everything'
      ? [{ purge_everything: true }]
      : 'hosts' in what
        ? parts(what.hosts).map(hosts => ({ hosts }))
        : parts(what.files).map(files => ({ files }))
  for (const body of bodies) {
    await ask(
      `purge the cache of ${zone}`,
      doneShape,
      (client, options) => client.cache.purge({ zone_id, ...body }, options),
      signal,
    )
  }
}

const parts = (all: readonly string[]): readonly string[][] =>
  Array.from({ length: Math.ceil(all.length / mostAtOnce) }, (_, index) =>
    all.slice(index * mostAtOnce, (index + 1) * mostAtOnce),
  )

import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { providerSchema } from '../../desired-state/documents/dns-schema.ts'
import type { DnsProvider } from '../../desired-state/state.ts'
import { ApplianceError, systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, statIfExists, writeFileAtomic } from '../../runtime/os/files.ts'

/** A zone in which records of ours may be, and the server that they are at. */
export interface KeptZone {
  readonly zone: string
  readonly provider: DnsProvider
}

const keptShape = z.object({ provider: z.string(), declared: providerSchema })

/**
 * Remembers where records were put, before they are: what a zone that leaves dns.yaml still holds is known only by this.
 * Secrets are named in it, as in dns.yaml. One file for each kind, zone and server.
 */
export function createKeptZones(folder: string, kind: string) {
  const pathOf = ({ zone, provider }: KeptZone) => join(folder, zone, `${kind}-at-${placeKey(provider)}.kept`)
  const known = new Set<string>()
  return {
    async keep(kept: KeptZone): Promise<void> {
      const path = pathOf(kept)
      const { name, ...declared } = kept.provider
      const content = `${JSON.stringify({ provider: name, declared })}\n`
      // Somebody may have said that the zone is forgotten.
      if (known.has(path + content) && (await statIfExists(path)) !== undefined) return
      await makeDirectory(join(folder, kept.zone), 0o700)
      await writeFileAtomic(path, content)
      known.add(path + content)
    },
    async forget(kept: KeptZone): Promise<void> {
      known.clear()
      await rm(pathOf(kept), { force: true })
    },
    async all(): Promise<readonly KeptZone[]> {
      const found: KeptZone[] = []
      for (const zone of await namesIn(folder)) {
        for (const name of await namesIn(join(folder, zone))) {
          if (!name.startsWith(`${kind}-at-`) || !name.endsWith('.kept')) continue
          found.push({ zone, provider: await keptIn(join(folder, zone, name)) })
        }
      }
      return found
    },
  }
}

/** Throws `stalled` with the file's path: a guess might take away what is not ours. */
async function keptIn(path: string): Promise<DnsProvider> {
  try {
    const { provider, declared } = keptShape.parse(JSON.parse(await readFile(path, 'utf8')))
    return { name: provider, ...declared }
  } catch (cause) {
    throw new ApplianceError('stalled', 'it is not known any more where this zone was kept', {
      subject: path,
      hint: 'move the file away: what stands in the zone stays there',
      cause,
    })
  }
}

export type KeptZones = ReturnType<typeof createKeptZones>

/** Servers that hold the same records have the same; Cloudflare has a zone once, whoever asks for it. */
export const placeKey = (provider: DnsProvider): string =>
  provider.type === 'cloudflare' ? 'cloudflare' : `${provider.server.replaceAll(':', '-')}-${provider.port}`

const namesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return []
    throw error
  }
}

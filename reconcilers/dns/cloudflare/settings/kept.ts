import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { providerSchema } from '../../../../desired-state/documents/dns-schema.ts'
import type { CloudflareProvider } from '../../../../desired-state/state.ts'
import { systemCode } from '../../../../runtime/os/errors.ts'
import { makeDirectory, writeFileAtomic } from '../../../../runtime/os/files.ts'

/** What was put into a zone from here: areas to look for our marks in, and routes, which can carry none. */
export interface KeptSettings {
  readonly zone: string
  readonly provider: CloudflareProvider
  readonly areas: readonly string[]
  /** Patterns of Workers routes. */
  readonly routes: readonly string[]
}

const shape = z.object({
  provider: z.string(),
  declared: providerSchema,
  areas: z.array(z.string()),
  routes: z.array(z.string()),
})
const fileName = 'cloudflare.kept'

/** Remembers it before it is put there, so that it is found again when it is declared no more. */
export function createKeptSettings(folder: string) {
  const read = async (zone: string): Promise<KeptSettings | undefined> => {
    try {
      const { provider, declared, ...rest } = shape.parse(JSON.parse(await readFile(join(folder, zone, fileName), 'utf8')))
      return declared.type === 'cloudflare' ? { zone, provider: { name: provider, ...declared }, ...rest } : undefined
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
      throw error
    }
  }
  return {
    read,
    async keep({ zone, provider: { name, ...declared }, areas, routes }: KeptSettings): Promise<void> {
      const before = await read(zone)
      const content = {
        ...{ provider: name, declared, areas: [...new Set([...(before?.areas ?? []), ...areas])].sort() },
        routes: [...new Set([...(before?.routes ?? []), ...routes])].sort(),
      }
      await makeDirectory(join(folder, zone), 0o700)
      await writeFileAtomic(join(folder, zone, fileName), `${JSON.stringify(content)}\n`)
    },
    async forgetRoute(zone: string, pattern: string): Promise<void> {
      const before = await read(zone)
      if (before === undefined) return
      const { name, ...declared } = before.provider
      const content = { provider: name, declared, areas: before.areas, routes: before.routes.filter(one => one !== pattern) }
      await writeFileAtomic(join(folder, zone, fileName), `${JSON.stringify(content)}\n`)
    },
    forget: (zone: string) => rm(join(folder, zone, fileName), { force: true }),
    async all(): Promise<readonly KeptSettings[]> {
      const names = await readdir(folder).catch(error => {
        if (systemCode(error) === 'ENOENT') return []
        throw error
      })
      const found = await Promise.all(names.sort().map(read))
      return found.flatMap(one => one ?? [])
    },
  }
}

export type KeptSettingsFile = ReturnType<typeof createKeptSettings>

import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { DnsProvider } from '../../desired-state/state.ts'
import { systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, writeFileAtomic } from '../../runtime/os/files.ts'

/** A zone in which records of ours may be, and the server that they are at. */
export interface KeptZone {
  readonly zone: string
  readonly provider: DnsProvider
}

const algorithm = z.enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512'])
const text = z.string()
const providerShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('rfc2136'), name: text, server: text, port: z.int(), key: text, algorithm, secret: text }),
  z
    .object({ type: z.literal('cloudflare'), name: text, token: text, api_key: text, email: text, account_id: text })
    .partial({ token: true, api_key: true, email: true, account_id: true }),
])

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
      const content = `${JSON.stringify(kept.provider)}\n`
      if (known.has(path + content)) return
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
          const content: unknown = JSON.parse(await readFile(join(folder, zone, name), 'utf8'))
          found.push({ zone, provider: declaredProvider(providerShape.parse(content)) })
        }
      }
      return found
    },
  }
}

export type KeptZones = ReturnType<typeof createKeptZones>

/** Servers that hold the same records have the same; Cloudflare has a zone once, whoever asks for it. */
export const placeKey = (provider: DnsProvider): string =>
  provider.type === 'cloudflare' ? 'cloudflare' : `${provider.server.replaceAll(':', '-')}-${provider.port}`

function declaredProvider(read: z.output<typeof providerShape>): DnsProvider {
  if (read.type === 'rfc2136') return read
  const { name, type, token, api_key, email, account_id } = read
  return {
    ...{ name, type, ...(token !== undefined && { token }), ...(api_key !== undefined && { api_key }) },
    ...{ ...(email !== undefined && { email }), ...(account_id !== undefined && { account_id }) },
  }
}

const namesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return []
    throw error
  }
}

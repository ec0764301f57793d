import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import { hostFolder } from '../sites/harmless.ts'
import { type Authority, authorityOf, type Certificates, isRevoked } from './stored.ts'

/** A certificate that is kept, or was before its host went. */
export interface Left extends Authority {
  readonly folder: string
}

/** Where a certificate of a host is, in use or in the archive; undefined when its files are gone. */
export async function findLeft(
  { home, certificates }: { readonly home: Pick<Home, 'archive'>; readonly certificates: Certificates },
  host: string,
  id: string,
): Promise<Left | undefined> {
  const own = `certificates-${hostFolder(host)}-`
  const archived = (await namesIn(home.archive)).filter(name => name.startsWith(own)).map(name => join(home.archive, name, id))
  for (const folder of [certificates.folderOf(host, id), ...archived]) {
    const authority = await authorityOf(folder)
    if (authority !== undefined) return { ...authority, folder }
  }
  return undefined
}

/** What authorities gave for the host before that one, and is neither revoked nor over. */
export async function givenBefore({ folder }: Left, now: Date): Promise<readonly Left[]> {
  const life = await lifeOf(folder)
  const found: Left[] = []
  for (const name of await namesIn(dirname(folder))) {
    const other = join(dirname(folder), name)
    const [authority, own] = [await authorityOf(other), await lifeOf(other)]
    if (other === folder || authority === undefined || isRevoked(other) || own === undefined) continue
    if (own.begin < (life?.begin ?? 0) && own.end > now.getTime()) found.push({ ...authority, folder: other })
  }
  return found
}

async function lifeOf(folder: string): Promise<{ readonly begin: number; readonly end: number } | undefined> {
  try {
    const { validFrom, validTo } = new X509Certificate(await readFile(join(folder, 'certificate.pem')))
    return { begin: Date.parse(validFrom), end: Date.parse(validTo) }
  } catch {
    return undefined
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import { systemCode } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import { archivedOf } from './archived.ts'
import { isRevoked } from './revoked.ts'
import { type Authority, authorityOf, type Certificates } from './stored.ts'

/** A certificate that is kept, or was before its host went. */
export interface Left extends Authority {
  readonly folder: string
}

interface LeftDeps {
  readonly home: Pick<Home, 'archive'>
  readonly certificates: Pick<Certificates, 'folderOf'>
}

/** Where a certificate of a host is, in use or in the archive; undefined when its files are gone. */
export async function findLeft({ home, certificates }: LeftDeps, host: string, id: string): Promise<Left | undefined> {
  const archived = (await archivedOf(home, host)).map(folder => join(folder, id))
  for (const folder of [certificates.folderOf(host, id), ...archived]) {
    const authority = await authorityOf(folder)
    if (authority !== undefined) return { ...authority, folder }
  }
  return undefined
}

/** What authorities gave for the host before that one, and is neither revoked nor over; also what is in the archive. */
export async function givenBefore(
  { home, certificates, clock }: LeftDeps & { readonly clock: Clock },
  host: string,
  { folder }: Left,
): Promise<readonly Left[]> {
  const [life, now] = [await lifeOf(folder), clock.now().getTime()]
  const found: Left[] = []
  for (const parent of [dirname(certificates.folderOf(host, '0')), ...(await archivedOf(home, host))]) {
    for (const other of (await namesIn(parent)).map(name => join(parent, name))) {
      const [authority, own] = [await authorityOf(other), await lifeOf(other)]
      if (other === folder || authority === undefined || isRevoked(other) || own === undefined) continue
      if (own.begin < (life?.begin ?? 0) && own.end > now) found.push({ ...authority, folder: other })
    }
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

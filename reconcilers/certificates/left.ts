import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import { hostFolder } from '../sites/harmless.ts'
import { type Authority, authorityOf, type Certificates } from './stored.ts'

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

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

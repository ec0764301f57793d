import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, syncDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { hostFolder } from '../sites/harmless.ts'
import { archiveTime, moveInto } from '../sites/web-roots.ts'

type Archive = Pick<Home, 'archive'>

/**
 * Certificates of hosts that went, as `HOST/TIME/ID`. Whatever lies here is trusted like one in use, so no web root may get
 * here: in the archive those have names that end with a time, whatever their `root`.
 */
const placeOf = ({ archive }: Archive): string => join(archive, 'certificates')

/** Moves the folder of a host that goes; nothing in the archive is overwritten. */
export async function archiveCertificates(home: Archive, host: string, folder: string, now: Date): Promise<void> {
  const own = join(placeOf(home), hostFolder(host))
  await makeDirectory(placeOf(home), 0o700)
  await makeDirectory(own, 0o700)
  await moveInto(own, folder, archiveTime(now))
  for (const parent of [placeOf(home), dirname(placeOf(home))]) await syncDirectory(parent)
}

/** Folders with the certificates of a host, one for each time that it went. */
export const archivedOf = (home: Archive, host: string): Promise<readonly string[]> =>
  foldersIn(join(placeOf(home), hostFolder(host)))

/** The same of all hosts. */
export async function archivedOfAll(home: Archive): Promise<readonly string[]> {
  return (await Promise.all((await foldersIn(placeOf(home))).map(foldersIn))).flat()
}

async function foldersIn(parent: string): Promise<readonly string[]> {
  try {
    return (await readdir(parent)).map(name => join(parent, name))
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return []
    throw error
  }
}

import type { Dirent } from 'node:fs'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupLocation } from '../../desired-state/state.ts'
import { systemCode } from '../../runtime/os/errors.ts'
import { ResticRefusal } from './restic/refusal.ts'
import type { Restic } from './restic/restic.ts'

/** Takes over what the password opens, and makes a repository where nothing is; gives its id. */
export async function beginRepository(restic: Restic, location: BackupLocation): Promise<string> {
  try {
    return await restic.identify()
  } catch (error) {
    if (!(error instanceof ResticRefusal) || error.reason !== 'gone') throw error
  }
  if (location.type === 'folder') await putHalfAside(location.repository)
  await restic.init()
  return restic.identify().catch(error => {
    if (!(error instanceof ResticRefusal) || error.reason !== 'corrupt') throw error
    throw new ResticRefusal(
      'corrupt',
      'stalled',
      'another beginning of a repository was interrupted there, and left its key',
      'empty that place, nothing was kept in it yet; or name another one',
    )
  })
}

/**
 * restic writes a key, and then the configuration, which only that key opens: one that died in between left a key that
 * would be tried first, and open nothing. It is put aside, and never removed: it might be the only one of what a disk that
 * answers wrongly does not show. Where more than that is, somebody lost the configuration of a repository.
 */
async function putHalfAside(folder: string): Promise<void> {
  const keys = join(folder, 'keys')
  if ((await entriesBelow(keys)).length === 0) return
  const kept = (await Promise.all(['data', 'index', 'snapshots'].map(name => entriesBelow(join(folder, name))))).flat()
  if (kept.some(entry => entry.isFile()))
    throw new ResticRefusal(
      'corrupt',
      'stalled',
      `${folder} holds a repository whose file config is missing`,
      'bring that file back from a copy; or name another folder to begin anew',
    )
  await rename(keys, `${keys}.unfinished-${Date.now()}`)
}

/** Empty only for a folder that is not there: one that cannot be read may hold everything. */
async function entriesBelow(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return []
    if (code === undefined) throw error
    throw new ResticRefusal('unreachable', 'failed', `${folder} cannot be read: ${code}`, 'see to its disk; it is tried again')
  }
}

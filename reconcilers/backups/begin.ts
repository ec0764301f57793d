import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupLocation } from '../../desired-state/state.ts'
import { ResticRefusal } from './restic/refusal.ts'
import type { Restic } from './restic/restic.ts'

/** Takes over what the password opens, and makes a repository where nothing is; gives its id. */
export async function beginRepository(restic: Restic, location: BackupLocation): Promise<string> {
  try {
    return await restic.identify()
  } catch (error) {
    if (!(error instanceof ResticRefusal) || error.reason !== 'gone') throw error
  }
  if (location.type === 'folder') await removeHalf(location.repository)
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
 * would be tried first, and open nothing. Where more than that is, somebody lost the configuration of a repository.
 */
async function removeHalf(folder: string): Promise<void> {
  const keys = await namesIn(join(folder, 'keys'))
  if (keys.length === 0) return
  const kept = (await Promise.all(['data', 'index', 'snapshots'].map(name => filesBelow(join(folder, name))))).flat()
  if (kept.length > 0)
    throw new ResticRefusal(
      'corrupt',
      'stalled',
      `${folder} holds a repository whose file config is missing`,
      'bring that file back from a copy; or name another folder to begin anew',
    )
  await rm(join(folder, 'keys'), { recursive: true })
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isFile()).map(({ name }) => name)
}

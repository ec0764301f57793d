import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, readlink, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError, systemCode } from '../os/errors.ts'
import { makeDirectory } from '../os/files.ts'
import type { Spawn } from '../os/spawn.ts'
import type { WorkspaceEntry } from './stale.ts'

/**
 * A folder that an agent can change while we look. It is held open, and everything goes through what was opened: a link
 * that takes the place of the folder, or of one on the way to it, leads nowhere.
 */
export interface HeldFolder {
  entries(): Promise<readonly WorkspaceEntry[]>
  /** Moves an entry out of the agent's sight, then removes it with all that is in it. */
  remove(name: string): Promise<void>
  close(): Promise<void>
}

/** Undefined when there is no such folder. `bin` is a folder of ours on the same file system. */
export async function holdFolder(path: string, bin: string, spawn: Spawn): Promise<HeldFolder | undefined> {
  const handle = await opened(path)
  if (handle === undefined) return undefined
  const here = `/proc/self/fd/${handle.fd}`
  if ((await readlink(here)) !== path) {
    await handle.close()
    throw new ApplianceError('stalled', `${path} leads somewhere else`, { hint: 'move the link away' })
  }
  return {
    async entries() {
      const found = await Promise.all(
        (await readdir(here)).map(async name => {
          const stat = await lstat(join(here, name)).catch(() => undefined)
          return stat === undefined ? [] : [{ name, changedAt: stat.mtime }]
        }),
      )
      return found.flat()
    },
    async remove(name) {
      await makeDirectory(bin, 0o700)
      const moved = join(bin, randomUUID())
      await rename(join(here, name), moved)
      await spawn(['rm', '-rf', '--one-file-system', '--', moved], { timeout: 300_000 })
    },
    close: () => handle.close(),
  }
}

async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw new ApplianceError('stalled', `${path} is no folder`, { hint: 'move away what is in its place', cause: error })
  }
}

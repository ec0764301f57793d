import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeIfExists, statIfExists } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { resticFolders } from './open.ts'

/** Milliseconds; a repository that is being begun has its cache already. */
const fresh = 10 * 60_000

/**
 * Takes away what belongs to targets that nothing declares any more: keys of their servers, and caches of their
 * repositories, also those that a check left when it was killed. Nothing that is the only copy of anything.
 */
export async function tidyBackups(
  home: Home,
  declared: ReadonlySet<string>,
  repositories: ReadonlySet<string>,
  now: Date,
): Promise<void> {
  for (const file of await readdir(home.backups).catch(() => [])) {
    const name = /^known-hosts-([a-z][a-z0-9-]*?)(?:\.log)?$/.exec(file)?.[1]
    if (name !== undefined && !declared.has(name)) await removeIfExists(join(home.backups, file))
  }
  const { cache } = resticFolders(home)
  for (const folder of await readdir(cache).catch(() => [])) {
    const ofRepository = /^[0-9a-f]{64}$/.test(folder)
    if (!(ofRepository ? !repositories.has(folder) : folder.startsWith('restic-check-cache-'))) continue
    const found = await statIfExists(join(cache, folder))
    if (found !== undefined && found.mtimeMs < now.getTime() - fresh)
      await rm(join(cache, folder), { recursive: true, force: true })
  }
}

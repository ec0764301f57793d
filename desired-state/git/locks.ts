import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { removeIfExists } from '../../runtime/os/files.ts'

/** Milliseconds; Git itself holds the lock of a ref for a few. */
const longestHold = 60_000

/** Removes the locks of refs that a killed Git left behind: with one of them there, no push is ever accepted again. */
export async function removeStaleLocks(gitdir: string, now: number = Date.now()): Promise<void> {
  for (const pattern of ['*.lock', 'refs/**/*.lock']) {
    for await (const name of new Bun.Glob(pattern).scan({ cwd: gitdir, dot: true })) {
      const path = join(gitdir, name)
      const found = await stat(path).catch(() => undefined)
      if (found !== undefined && now - found.mtimeMs > longestHold) await removeIfExists(path)
    }
  }
}

import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import type { Home } from '../../runtime/os/home.ts'

/**
 * Calls `moved` when a branch may have moved, whoever moved it: sooner than the hook of a push, and also when Git ended
 * that hook because its client hung up. Returns how to stop.
 */
export function watchMain(home: Pick<Home, 'repository'>, moved: () => void): () => void {
  const watcher: FSWatcher = watch(join(home.repository, 'refs', 'heads'), moved)
  return () => watcher.close()
}

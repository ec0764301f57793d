import { watch } from 'node:fs'
import { join } from 'node:path'
import { explain } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Log } from '../../runtime/os/log.ts'

/**
 * Calls `moved` when a branch may have moved, whoever moved it: sooner than the hook of a push, and also when Git ended
 * that hook because its client hung up. Returns how to stop.
 */
export function watchMain(home: Pick<Home, 'repository'>, moved: () => void, log: Log): () => void {
  // A machine that has no watches left still finds a moved main: the engine looks now and then.
  const failed = (error: unknown) => log.warn('main is not watched', { error: explain(error) })
  try {
    const watcher = watch(join(home.repository, 'refs', 'heads'), moved).on('error', failed)
    return () => watcher.close()
  } catch (error) {
    failed(error)
    return () => {}
  }
}

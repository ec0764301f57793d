import { type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import type { Home } from '../../runtime/os/home.ts'

/** Milliseconds that the hook of a push gets to say it first, so that the pusher sees everything that follows. */
const patience = 2_000

/**
 * Calls `moved` soon after main has moved, whoever moved it. A push tells it by its own hook; but Git ends that hook
 * when its client hangs up at the wrong moment. Returns how to stop.
 */
export function watchMain(home: Pick<Home, 'repository'>, moved: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const watcher: FSWatcher = watch(join(home.repository, 'refs', 'heads'), () => {
    clearTimeout(timer)
    timer = setTimeout(moved, patience)
  })
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}

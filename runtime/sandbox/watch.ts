import { memoryHeld } from './memory-held.ts'
import { isRunningOut, roomOf } from './room.ts'
import type { SandboxLimits } from './sandbox.ts'

const interval = 400

export interface Watched {
  /** Process that everything of the command descends from. */
  readonly root: number
  readonly limits: SandboxLimits
  /** Folders that it writes. */
  readonly write: readonly string[]
  /** The kernel counts its memory all together. */
  readonly counted: boolean
}

/** Ends a command that holds more memory than it may where the kernel does not see to it, or fills the disk. */
export function watch({ root, limits, write, counted }: Watched, stop: (note: string) => void): () => void {
  const most = limits.memoryMebibytes
  const rooms = write.map(folder => roomOf(folder)).filter(room => room !== undefined)
  const timer = setInterval(() => {
    const held = counted ? 0 : memoryHeld(root)
    if (held > most * 2 ** 20) stop(`it held ${mebibytes(held)} MiB of memory, and may hold ${most} (max_memory_mb)`)
    const full = rooms.find(room => isRunningOut(room, roomOf(room.folder)))
    if (full !== undefined) stop(`the disk is nearly full: ${mebibytes(full.reserve)} MiB are kept free for the server`)
  }, interval)
  timer.unref()
  return () => clearInterval(timer)
}

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20)

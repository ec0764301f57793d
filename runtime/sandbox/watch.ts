import { readFileSync, statfsSync } from 'node:fs'
import { processTree } from '../os/process.ts'

const interval = 400

/** Ends a command whose processes, and files in memory, hold more than they may together. */
export function watchMemory(root: number, mebibytes: number, stop: (note: string) => void): () => void {
  const timer = setInterval(() => {
    const held = memoryOf(root)
    if (held > mebibytes * 2 ** 20) {
      stop(`it held ${Math.round(held / 2 ** 20)} MiB of memory, and may hold ${mebibytes} (max_memory_mb)`)
    }
  }, interval)
  timer.unref()
  return () => clearInterval(timer)
}

function memoryOf(root: number): number {
  const pids = processTree(root).map(one => one.pid)
  return pids.reduce((sum, pid) => sum + privateBytes(pid), 0) + filesInMemory(pids.at(-1))
}

const pageSize = 4096

/** Shared pages are those of programs and libraries: nobody's own. */
function privateBytes(pid: number): number {
  try {
    const [, resident = '0', shared = '0'] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')
    return Math.max(0, Number(resident) - Number(shared)) * pageSize
  } catch {
    return 0
  }
}

/** What the command wrote to the empty folders that hide ours, which live in memory. */
function filesInMemory(inside: number | undefined): number {
  if (inside === undefined) return 0
  return ['/tmp', '/var', '/home', '/run', '/dev/shm'].reduce((sum, folder) => {
    try {
      const { type, bsize, blocks, bfree } = statfsSync(`/proc/${inside}/root${folder}`)
      return type === tmpfs ? sum + (blocks - bfree) * bsize : sum
    } catch {
      return sum
    }
  }, 0)
}

const tmpfs = 0x01021994

import { readdirSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs'
import { processTree } from '../os/process.ts'

/**
 * Bytes that a process and everything below it hold: memory of their own, and what lives in memory without belonging to a
 * process (files of the folders that hide ours, anonymous files, shared memory). Programs and libraries are nobody's own.
 */
export function memoryHeld(root: number): number {
  const pids = processTree(root).map(one => one.pid)
  const own = sum(pids.map(ownBytes))
  const shared = sum(pids.map(sharedBytes))
  const files = sum([...filesystemsInMemory(pids.at(-1)), ...anonymousFiles(pids).values()])
  // What is mapped and what lies in files is partly the same.
  return own + Math.max(shared, files)
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
const pageSize = 4096

function ownBytes(pid: number): number {
  const [, resident = '0', shared = '0'] = read(`/proc/${pid}/statm`).split(' ')
  return Math.max(0, Number(resident) - Number(shared)) * pageSize
}

/** By share where the process lets us look, else whole. */
function sharedBytes(pid: number): number {
  const found =
    /^Pss_Shmem:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`)) ?? /^RssShmem:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))
  return Number(found?.[1] ?? 0) * 1024
}

/** Every file system in memory that the command can write, as the process inside sees them. */
function filesystemsInMemory(inside: number | undefined): readonly number[] {
  if (inside === undefined) return []
  const seen = new Map<string, number>()
  for (const line of read(`/proc/${inside}/mountinfo`).split('\n')) {
    const [, , device, , folder, options] = line.split(' ')
    if (device === undefined || folder === undefined || !line.includes(' - tmpfs ') || !options?.startsWith('rw')) continue
    if (!seen.has(device)) seen.set(device, usedBytes(`/proc/${inside}/root${folder.replaceAll('\\040', ' ')}`))
  }
  return [...seen.values()]
}

function usedBytes(path: string): number {
  try {
    const { type, bsize, blocks, bfree } = statfsSync(path)
    return type === tmpfs ? (blocks - bfree) * bsize : 0
  } catch {
    return 0
  }
}

const tmpfs = 0x01021994

/** `memfd_create`: files without a name, each once however many hold it. */
function anonymousFiles(pids: readonly number[]): ReadonlyMap<number, number> {
  const found = new Map<number, number>()
  for (const pid of pids) {
    for (const descriptor of entries(`/proc/${pid}/fd`)) {
      const path = `/proc/${pid}/fd/${descriptor}`
      try {
        if (!readlinkSync(path).startsWith('/memfd:')) continue
        const { ino, blocks } = statSync(path)
        found.set(ino, blocks * 512)
      } catch {
        // It was closed meanwhile.
      }
    }
  }
  return found
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

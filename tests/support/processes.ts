import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { processFacts } from '../../runtime/os/process.ts'

/**
 * Pids of every living process that belongs to a home: one that names it in its command line or environment, or works in
 * it. Postgres and nginx retitle their children, which is why the working folder counts.
 */
export function processesOf(root: string): number[] {
  const ours = new Set(ancestry(process.pid))
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => !ours.has(pid) && isOf(root, pid))
}

/** A process and whoever started it, up to the first: the test itself is no part of what it tests. */
function ancestry(pid: number): number[] {
  const parent = processFacts(pid)?.parent ?? 0
  return parent > 0 ? [pid, ...ancestry(parent)] : [pid]
}

/** Their command lines, for a message that says what was left behind. */
export const commandsOf = (root: string): string[] => processesOf(root).map(pid => `${pid} ${commandLine(pid)}`)

const isOf = (root: string, pid: number) =>
  commandLine(pid).includes(root) ||
  quietly(() => readFileSync(`/proc/${pid}/environ`, 'utf8')).includes(root) ||
  quietly(() => readlinkSync(`/proc/${pid}/cwd`)).startsWith(root)

const commandLine = (pid: number) =>
  quietly(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
    .replaceAll('\0', ' ')
    .trim()

export function killAll(pids: readonly number[]): void {
  for (const pid of pids) quietly(() => String(process.kill(pid, 'SIGKILL')))
}

/** Processes come and go while they are looked at, and those of others are closed to us. */
function quietly(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

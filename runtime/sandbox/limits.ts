import { readFileSync, statSync } from 'node:fs'
import { listProcesses } from '../os/process.ts'
import type { SandboxLimits } from './sandbox.ts'

const mebibyte = 1024 * 1024

/**
 * The command under limits of the kernel, each for one process; what they hold together is watched from outside.
 * Memory is counted as written data, because programs like Node reserve far more addresses than they use. The kernel counts
 * the threads of a user wherever they run, so those that are there already (`others`) come on top.
 */
export function limited(argv: readonly string[], limits: SandboxLimits, others: number): readonly string[] {
  const bytes = { data: limits.memoryMebibytes * mebibyte, fsize: limits.fileMebibytes * mebibyte }
  return [
    'prlimit',
    `--data=${bytes.data}`,
    `--fsize=${bytes.fsize}`,
    `--nproc=${others + limits.processes}`,
    '--core=0',
    '--',
    ...argv,
  ]
}

/** The command as one line for bash, word for word. */
export const asLine = (argv: readonly string[]): string => argv.map(quoted).join(' ')

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

/** Threads of this process's user on the whole machine. */
export function threadsOfUser(): number {
  const user = process.getuid?.()
  const threadsOf = (pid: number): number => {
    try {
      if (statSync(`/proc/${pid}`).uid !== user) return 0
      return Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 1)
    } catch {
      // It has ended meanwhile.
      return 0
    }
  }
  return listProcesses().reduce((sum, { pid }) => sum + threadsOf(pid), 0)
}

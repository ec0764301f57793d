import { readFileSync, statSync } from 'node:fs'
import { listProcesses } from '../os/process.ts'
import type { SandboxLimits } from './sandbox.ts'

const mebibyte = 1024 * 1024

/**
 * The command under limits of the kernel, each for one process. In a cgroup (`others` undefined) memory and processes are
 * counted there, all together; else they are watched from outside and bounded here: memory as written data, because programs
 * like Node reserve far more addresses than they use, and processes on top of the threads (`others`) that the user has
 * already, wherever they run.
 */
export function limited(argv: readonly string[], limits: SandboxLimits, others: number | undefined): readonly string[] {
  const each = others === undefined ? [] : [`--data=${limits.memoryMebibytes * mebibyte}`, `--nproc=${others + limits.processes}`]
  return ['prlimit', ...each, `--fsize=${limits.fileMebibytes * mebibyte}`, '--core=0', '--', ...argv]
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

import type { SandboxLimits } from './sandbox.ts'

/** How a command ended by itself, as far as it shows. */
export interface End {
  readonly code: number
  readonly stderr: string
  /** Most bytes that one of its programs held; 0 when nobody knows. */
  readonly peak: number
}

/** SIGXFSZ and SIGKILL. */
const fileTooLarge = 128 + 25
const killed = 128 + 9

const refusedMemory =
  /memory exhausted|memoryerror|cannot allocate memory|out of memory|bad_alloc|allocation failed|insufficient memory|heap limit/i

/**
 * Why a command ended that nobody stopped: a limit of the kernel is met inside, where every program has words of its own
 * for it, or none. One line for each limit that it shows signs of.
 */
export function limitsShown({ code, stderr, peak }: End, limits: SandboxLimits): readonly string[] {
  const notes: string[] = []
  if (code === fileTooLarge || /File size limit exceeded|File too large/.test(stderr))
    notes.push(`it wrote a file larger than ${limits.fileMebibytes} MiB (max_file_size_mb)`)
  if (peak > limits.memoryMebibytes * 2 ** 20 * 0.9 || refusedMemory.test(stderr))
    notes.push(
      `one of its programs asked for more than the ${limits.memoryMebibytes} MiB of memory that it may hold (max_memory_mb)`,
    )
  if (/Resource temporarily unavailable|can't start new thread|EAGAIN/.test(stderr))
    notes.push(`it may have ${limits.processes} processes at once, and wanted more`)
  if (code === killed && notes.length === 0) notes.push('it was killed from outside: perhaps the machine had no memory left')
  return notes
}

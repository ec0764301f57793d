import type { SandboxLimits } from './sandbox.ts'

const mebibyte = 1024 * 1024

/**
 * The command under limits of the kernel, each for one process; what they hold together is watched from outside.
 * Memory is counted as written data, because programs like Node reserve far more addresses than they use.
 */
export function limited(argv: readonly string[], limits: SandboxLimits): readonly string[] {
  const bytes = { data: limits.memoryMebibytes * mebibyte, fsize: limits.fileMebibytes * mebibyte }
  return ['prlimit', `--data=${bytes.data}`, `--fsize=${bytes.fsize}`, `--nproc=${limits.processes}`, '--core=0', '--', ...argv]
}

/** The command as one line for bash, word for word. */
export const asLine = (argv: readonly string[]): string => argv.map(quoted).join(' ')

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`

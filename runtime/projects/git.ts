import { ApplianceError } from '../os/errors.ts'
import { minimalEnvironment, type Spawn, type SpawnOptions, type SpawnResult } from '../os/spawn.ts'

/** Bytes of address space for one Git: a delta that unfolds to gigabytes ends Git, and not the server. */
const mostMemory = 2 * 1024 ** 3

const settings = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.bigFileThreshold=16m',
  'core.fsync=all',
  'gc.auto=0',
  'protocol.allow=never',
]

/** Git in one bare repository of ours, where no configuration but that of this line counts. */
export interface ProjectGit {
  (args: readonly string[], options?: SpawnOptions): Promise<SpawnResult>
  /** Output of a command that must succeed, without the last line break. */
  text(args: readonly string[], options?: SpawnOptions): Promise<string>
}

export function projectGit(repository: string, spawn: Spawn): ProjectGit {
  const git = (args: readonly string[], { env, ...options }: SpawnOptions = {}) =>
    spawn(gitCommand(args), { timeout: 60_000, ...options, cwd: '/', env: { ...environmentOf(repository), ...env } })
  const text = async (args: readonly string[], options?: SpawnOptions) => {
    const { code, stdout, stderr } = await git(args, options)
    if (code === 0) return stdout.replace(/\n$/, '')
    throw new ApplianceError('failed', `git ${args[0]} ended with status ${code}: ${stderr.trim() || 'it printed nothing'}`, {
      subject: repository,
    })
  }
  return Object.assign(git, { text })
}

export const gitCommand = (args: readonly string[]): string[] => [
  ...['/usr/bin/prlimit', `--as=${mostMemory}`, '--', '/usr/bin/git'],
  ...settings.flatMap(setting => ['-c', setting]),
  ...args,
]

const environmentOf = (repository: string) => ({
  ...minimalEnvironment,
  GIT_DIR: repository,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_TERMINAL_PROMPT: '0',
})

import { ApplianceError } from '../../runtime/os/errors.ts'
import { minimalEnvironment, type spawnBytes } from '../../runtime/os/spawn.ts'

/** Git's empty tree: as the source of attributes it means that no `.gitattributes` has a say. */
const emptyTree = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'

export const noRevision = '0'.repeat(40)

export const isRevision = (text: string): boolean => /^[0-9a-f]{40}$/.test(text)

export type SpawnBytes = typeof spawnBytes

export interface GitOptions {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly maxOutput?: number
  /** Milliseconds. */
  readonly timeout?: number
}

/** Runs Git in one bare repository, in an environment where no configuration but the repository's own counts. */
export interface Git {
  (args: readonly string[], options?: GitOptions): Promise<{ code: number; stdout: Uint8Array; stderr: string }>
  /** Output of a command that must succeed. */
  bytes(args: readonly string[], options?: GitOptions): Promise<Uint8Array>
  /** The same as text, without the last line break. */
  text(args: readonly string[], options?: GitOptions): Promise<string>
}

export function gitEnvironment(repository: string): Readonly<Record<string, string>> {
  return {
    ...minimalEnvironment,
    GIT_DIR: repository,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ATTR_SOURCE: emptyTree,
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    HOME: repository,
  }
}

/** Makes the objects of a push that is not accepted yet visible; `objects` is the repository's own folder. */
export const quarantineEnvironment = (objects: string, quarantine: string): Readonly<Record<string, string>> => ({
  GIT_OBJECT_DIRECTORY: quarantine,
  GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
})

export function createGit(repository: string, run: SpawnBytes): Git {
  const git = (args: readonly string[], { env, ...options }: GitOptions = {}) =>
    run(['git', ...args], { ...options, cwd: repository, env: { ...gitEnvironment(repository), ...env } })
  const bytes = async (args: readonly string[], options?: GitOptions) => {
    const { code, stdout, stderr } = await git(args, options)
    if (code === 0) return stdout
    throw new ApplianceError('failed', `git ${args[0]} ended with status ${code}: ${stderr.trim() || 'it printed nothing'}`, {
      subject: repository,
    })
  }
  const text = async (args: readonly string[], options?: GitOptions) =>
    new TextDecoder().decode(await bytes(args, options)).replace(/\n$/, '')
  return Object.assign(git, { bytes, text })
}

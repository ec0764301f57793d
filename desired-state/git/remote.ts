import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { syncDirectory } from '../../runtime/os/files.ts'
import type { SpawnOptions } from '../../runtime/os/spawn.ts'
import type { Quarantine } from '../repository.ts'
import { gitEnvironment, quarantineEnvironment, type SpawnBytes } from './command.ts'
import { contentFailure, gitFailure, tooLarge } from './failures.ts'

/** A repository elsewhere, and what a command of Git needs to reach it. */
export interface Remote {
  readonly url: string
  readonly transport: 'http' | 'ssh' | 'path'
  /** Of the child alone; may hold a secret. */
  readonly env: Readonly<Record<string, string>>
}

export interface RemoteOptions {
  /** Milliseconds that one command may take. */
  readonly timeout: number
  readonly signal: AbortSignal
}

/** Bytes of a pack: what a direct push may have as well (`receive.maxInputSize`). */
export const largestFetch = 64 * 1024 * 1024
/** Bytes of memory that a stranger's objects may take to be unpacked. */
const mostMemory = 1024 * 1024 * 1024

/**
 * Every command treats the other side as a stranger: no hook, no configuration of this machine, no redirect to another
 * place, no helper that asks, checked objects, and never submodules.
 */
const guards: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.bigFileThreshold=16m',
  'credential.helper=',
  'fetch.fsckObjects=true',
  'fetch.unpackLimit=1',
  'fetch.recurseSubmodules=false',
  'push.recurseSubmodules=no',
  'http.followRedirects=false',
  'http.lowSpeedLimit=1000',
  'http.lowSpeedTime=20',
  'protocol.version=2',
]

/** Before a command of Git that unpacks what a stranger wrote. */
export const strangerLimits: readonly string[] = ['prlimit', `--fsize=${largestFetch}`, `--data=${mostMemory}`]

/** Before one that writes nothing of it: a repository on this machine may take a larger push. */
const memoryLimit = ['prlimit', `--data=${mostMemory}`]

export const remoteCommand = (...words: readonly string[]): string[] => [
  'git',
  ...guards.flatMap(guard => ['-c', guard]),
  ...words,
]

export const fetchArguments = ({ url }: Remote, ref: string): string[] => [
  ...strangerLimits,
  ...remoteCommand(
    ...['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-auto-maintenance', '--no-show-forced-updates'],
    ...['--', url, ref],
  ),
]

/** One move of a branch elsewhere. */
export interface Move {
  /** Where the branch has to be, an ancestor of `to`; undefined: it must not exist. */
  readonly from: string | undefined
  readonly to: string
  readonly branch: string
}

/**
 * From exactly what was seen there, and to what follows it, which the caller has made sure of: nothing is ever overwritten,
 * and a branch that somebody took back meanwhile stays where it is.
 */
export const pushArguments = ({ url, transport }: Remote, { from, to, branch }: Move): string[] => [
  ...memoryLimit,
  ...remoteCommand(
    ...['push', '--quiet', '--no-verify', '--no-signed', '--no-follow-tags', '--no-recurse-submodules'],
    // A repository on this machine runs its hooks as us: they stay off, as ours do.
    ...(transport === 'path' ? ['--receive-pack=git -c core.hooksPath=/dev/null receive-pack'] : []),
    `--force-with-lease=refs/heads/${branch}:${from ?? ''}`,
    ...['--', url, `${to}:refs/heads/${branch}`],
  ),
]

const environmentOf = (gitdir: string, remote: Remote): Readonly<Record<string, string>> => ({
  ...gitEnvironment(gitdir),
  GIT_ALLOW_PROTOCOL: remote.transport === 'path' ? 'file' : remote.transport === 'http' ? 'http:https' : 'ssh',
  GIT_ASKPASS: '/bin/false',
  SSH_ASKPASS: '/bin/false',
  ...remote.env,
})

/** Objects that were fetched and belong to nobody yet. */
export interface Fetched {
  /** Undefined: there is no such branch. */
  readonly head: string | undefined
  readonly quarantine: Quarantine
  /** Makes the objects part of the repository. */
  keep(): Promise<void>
  /** Nothing of them is left. */
  [Symbol.asyncDispose](): Promise<void>
}

/** One command that speaks with the other side. Throws `failed`, in words for whoever knows Git and the address. */
async function speak(run: SpawnBytes, verb: string, argv: readonly string[], options: SpawnOptions & RemoteOptions) {
  const startedAt = performance.now()
  try {
    return await run(argv, options)
  } catch (cause) {
    if (!(cause instanceof ApplianceError)) throw cause
    if (performance.now() - startedAt < options.timeout)
      throw new ApplianceError(cause.kind, `git ${verb}: ${cause.message}`, { cause })
    throw new ApplianceError('failed', `git ${verb} was not done within ${options.timeout / 1_000} s`, {
      hint: 'is the server there well, and the way to it?',
      cause,
    })
  }
}

const prefix = 'tmp_objdir-incoming-upstream'

/** Removes what a fetch left that was killed. One fetch at a time works in a repository. */
async function removeLeftovers(objects: string): Promise<void> {
  for (const name of await readdir(objects)) {
    if (name.startsWith(prefix)) await rm(join(objects, name), { recursive: true, force: true })
  }
}

/**
 * Fetches one ref into a quarantine of the repository: no ref moves, and what is not kept is gone. Throws `stalled` for
 * more than {@link largestFetch} bytes, `invalid` for objects that Git does not take, `failed` with Git's words for anything
 * else.
 */
export async function fetchRef(
  gitdir: string,
  run: SpawnBytes,
  remote: Remote,
  ref: string,
  options: RemoteOptions,
): Promise<Fetched> {
  const objects = join(gitdir, 'objects')
  await removeLeftovers(objects)
  const path = await mkdtemp(join(objects, prefix))
  const dispose = () => rm(path, { recursive: true, force: true })
  try {
    const env = { ...environmentOf(gitdir, remote), ...quarantineEnvironment(objects, path) }
    await rm(join(gitdir, 'FETCH_HEAD'), { force: true })
    const { code, stderr } = await speak(run, 'fetch', fetchArguments(remote, ref), { ...options, cwd: gitdir, env })
    if (code !== 0 && !isMissingRef(stderr)) throw await fetchFailure(path, stderr, remote)
    if (await hasLoose(path)) {
      throw new ApplianceError('invalid', 'it sends its files one by one, which Git does not check', {
        hint: 'serve it with git http-backend, or over ssh',
      })
    }
    const head = code === 0 ? await fetchedHead(gitdir) : undefined
    return { head, quarantine: { path }, keep: () => keepObjects(path, objects), [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

const isMissingRef = (stderr: string) => /couldn't find remote ref/.test(stderr)

async function fetchedHead(gitdir: string): Promise<string> {
  const head = /^[0-9a-f]{40}\b/.exec(await readFile(join(gitdir, 'FETCH_HEAD'), 'utf8'))?.[0]
  if (head === undefined) throw new ApplianceError('failed', 'Git has fetched nothing')
  return head
}

async function fetchFailure(quarantine: string, stderr: string, remote: Remote): Promise<ApplianceError> {
  const packs = await readdir(join(quarantine, 'pack')).catch(() => [])
  const sizes = await Promise.all(packs.map(async name => (await stat(join(quarantine, 'pack', name))).size))
  return sizes.some(size => size >= largestFetch)
    ? tooLarge(`what is new there has more than ${largestFetch / 1024 ** 2} MiB`)
    : (contentFailure(stderr) ?? gitFailure(stderr, remote))
}

/** Over the old protocol without checks, each object comes as a file of its own. */
const hasLoose = async (quarantine: string) => (await readdir(quarantine)).some(name => /^[0-9a-f]{2}$/.test(name))

/** The commit that a branch elsewhere is at; undefined when there is none. */
export async function remoteHead(
  gitdir: string,
  run: SpawnBytes,
  remote: Remote,
  branch: string,
  options: RemoteOptions,
): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`
  const argv = [...memoryLimit, ...remoteCommand('ls-remote', '--quiet', '--', remote.url, ref)]
  const { code, stdout, stderr } = await speak(run, 'ls-remote', argv, {
    ...options,
    cwd: gitdir,
    env: environmentOf(gitdir, remote),
  })
  if (code !== 0) throw gitFailure(stderr, remote)
  return new RegExp(`^([0-9a-f]{40})\\t${RegExp.escape(ref)}$`, 'm').exec(new TextDecoder().decode(stdout))?.[1]
}

export type PushResult = { readonly outcome: 'pushed' } | { readonly outcome: 'moved' }

/** Moves a branch elsewhere forward; `moved` when it is not where it was seen. */
export async function pushTo(
  gitdir: string,
  run: SpawnBytes,
  remote: Remote,
  move: Move,
  options: RemoteOptions,
): Promise<PushResult> {
  const spawning = { ...options, cwd: gitdir, env: environmentOf(gitdir, remote) }
  const { code, stderr } = await speak(run, 'push', pushArguments(remote, move), spawning)
  if (code === 0) return { outcome: 'pushed' }
  if (/\((?:non-fast-forward|fetch first|already exists|stale info|failed to update ref)\)|cannot lock ref/.test(stderr))
    return { outcome: 'moved' }
  throw gitFailure(stderr, remote)
}

/** In Git's own order: an index is what makes a pack exist, so it comes last. */
const packOrder = ['.pack', '.rev', '.idx']

async function keepObjects(quarantine: string, objects: string): Promise<void> {
  const from = join(quarantine, 'pack')
  const to = join(objects, 'pack')
  const names = await readdir(from).catch(() => [])
  for (const ending of packOrder) {
    for (const name of names.filter(each => each.startsWith('pack-') && each.endsWith(ending))) {
      await rename(join(from, name), join(to, name))
    }
  }
  await syncDirectory(to).catch(error => {
    throw new ApplianceError('failed', `the fetched objects could not be kept: ${explain(error)}`)
  })
}

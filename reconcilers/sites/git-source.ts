import { createHash } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Deploy } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { makeDirectory, removeIfExists, statIfExists } from '../../runtime/os/files.ts'
import { minimalEnvironment, type Spawn, type SpawnOptions, spawnChecked } from '../../runtime/os/spawn.ts'

const largestRelease = 1024 ** 3
const mostFiles = 100_000
/** Each is read by a process of its own, and all other changes of sites wait for it. */
const mostLinks = 500
const longestListing = 32 * 1024 * 1024

/**
 * The repository is a stranger's: no hooks, no configuration of this machine, no helper programs, no transport that runs
 * commands, and nobody to ask for a password.
 */
const environment: Readonly<Record<string, string>> = {
  ...minimalEnvironment,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '/bin/false',
  GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=10 -o StrictHostKeyChecking=accept-new',
  GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
}

const settings = [
  'core.hooksPath=/dev/null',
  'core.symlinks=false',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'gc.auto=0',
]

export const gitCommand = (...words: readonly string[]): string[] => [
  '/usr/bin/git',
  ...settings.flatMap(setting => ['-c', setting]),
  ...words,
]

/** Names a repository and a folder of it; the URL itself may hold a password. */
export const sourceId = ({ repo, directory }: Deploy) =>
  createHash('sha256').update(`${repo}\0${directory}`).digest('hex').slice(0, 8)

/** The URL without a user or password in it. */
export const shownRepository = (repo: string) => repo.replace(/^([a-z]+:\/\/)[^/@]*@/, '$1')

/** Commit that a branch of a repository elsewhere points to. */
export async function remoteHead(spawn: Spawn, { repo, branch }: Deploy, signal: AbortSignal): Promise<string> {
  const reference = `refs/heads/${branch}`
  const listing = await git(spawn, ['ls-remote', '--', repo, reference], { timeout: 10_000, signal }, repo)
  const line = listing.split('\n').find(one => one.endsWith(`\t${reference}`))
  const commit = /^[0-9a-f]{40,64}/.exec(line ?? '')?.[0]
  if (commit === undefined) throw new ApplianceError('waiting', `${shownRepository(repo)} has no branch ${branch}`)
  return commit
}

/** Fetches the head of a branch into the cache; gives the cache's folder and the commit. One at a time for a repository. */
export async function fetchBranch(
  spawn: Spawn,
  cacheFolder: string,
  { repo, branch }: Deploy,
  signal: AbortSignal,
): Promise<{ readonly cache: string; readonly commit: string }> {
  const cache = join(cacheFolder, `${createHash('sha256').update(repo).digest('hex').slice(0, 16)}.git`)
  await makeDirectory(cacheFolder)
  if (await statIfExists(cache)) await removeLocks(cache)
  else await makeCache(spawn, cache, signal)
  const local = `refs/deploy/${createHash('sha256').update(branch).digest('hex').slice(0, 16)}`
  const options = [
    '--quiet',
    '--depth=1',
    '--no-tags',
    '--no-recurse-submodules',
    '--no-auto-maintenance',
    '--no-write-fetch-head',
  ]
  const words = [`--git-dir=${cache}`, 'fetch', ...options, '--', repo, `+refs/heads/${branch}:${local}`]
  await git(spawn, words, { timeout: 120_000, signal }, repo)
  const commit = (await git(spawn, [`--git-dir=${cache}`, 'rev-parse', local], { signal }, repo)).trim()
  return { cache, commit }
}

/** Whole or not at all: a half made one would fail for ever. */
async function makeCache(spawn: Spawn, cache: string, signal: AbortSignal): Promise<void> {
  const temporary = `${cache}.new`
  await rm(temporary, { recursive: true, force: true })
  await git(spawn, ['init', '--quiet', '--bare', '--', temporary], { signal })
  await rename(temporary, cache)
}

/** What a Git that was killed left; nobody else works in the cache meanwhile. */
async function removeLocks(cache: string): Promise<void> {
  for (const pattern of ['*.lock', 'refs/deploy/*.lock']) {
    for await (const name of new Bun.Glob(pattern).scan({ cwd: cache })) await removeIfExists(join(cache, name))
  }
}

/** One file of a commit's folder. Links are given with the file that they lead to. */
export interface ReleaseFile {
  readonly path: string
  readonly linkTo: string | undefined
}

/** What a folder of a commit holds. Refuses what a web root must not: submodules, links that leave it, too much. */
export async function listFiles(spawn: Spawn, cache: string, tree: string, signal: AbortSignal): Promise<readonly ReleaseFile[]> {
  const words = gitCommand(`--git-dir=${cache}`, 'ls-tree', '-r', '-l', '-z', '--full-tree', tree)
  const { code, stdout } = await spawn(words, { env: environment, timeout: 60_000, maxOutput: longestListing, signal }).catch(
    cause => {
      signal.throwIfAborted()
      // Some kilobytes of trees can stand for millions of files, and will the next time too.
      throw new ApplianceError('stalled', `its files cannot be listed; ${mostFiles} are allowed`, { cause })
    },
  )
  if (code !== 0) throw new ApplianceError('stalled', `there is no folder ${tree.slice(tree.indexOf(':') + 1)} in that commit`)
  const entries = stdout.split('\0').filter(Boolean).map(parseEntry)
  if (entries.length === 0) throw new ApplianceError('stalled', 'that folder is empty')
  if (entries.length > mostFiles) throw new ApplianceError('stalled', `it has ${entries.length} files; ${mostFiles} are allowed`)
  const size = entries.reduce((sum, entry) => sum + entry.size, 0)
  if (size > largestRelease) throw new ApplianceError('stalled', `it has ${Math.round(size / 1024 ** 2)} MiB; 1024 are allowed`)
  const plain = new Set(entries.filter(entry => entry.mode.startsWith('100')).map(entry => entry.path))
  const links = entries.filter(entry => entry.mode === '120000').length
  if (links > mostLinks) throw new ApplianceError('stalled', `it has ${links} links; ${mostLinks} are allowed`)
  const files: ReleaseFile[] = []
  for (const { mode, object, path } of entries) {
    if (mode === '160000')
      throw new ApplianceError('stalled', `${path} is a submodule; put the files themselves into the repository`)
    const target =
      mode === '120000' ? await git(spawn, [`--git-dir=${cache}`, 'cat-file', 'blob', object], { signal }) : undefined
    files.push({ path, linkTo: target === undefined ? undefined : resolveLink(path, target, plain) })
  }
  return files
}

function resolveLink(path: string, target: string, plain: ReadonlySet<string>): string {
  const resolved = posix.normalize(posix.join(posix.dirname(path), target))
  if (target.startsWith('/') || resolved === '..' || resolved.startsWith('../')) {
    throw new ApplianceError('stalled', `the link ${path} leaves the site: it leads to ${target}`, {
      hint: 'put the file itself into the repository',
    })
  }
  if (plain.has(resolved)) return resolved
  throw new ApplianceError('stalled', `the link ${path} leads to ${target}, which is no file of the site`, {
    hint: 'links to single files of the same folder are fine',
  })
}

const entryPattern = /^(\d{6}) \w+ ([0-9a-f]+) +(\d+|-)\t(.+)$/s

function parseEntry(text: string) {
  const [, mode = '', object = '', size = '', path = ''] = entryPattern.exec(text) ?? []
  return { mode, object, size: size === '-' ? 0 : Number(size), path }
}

/** Writes a tree's files into an empty folder. Links arrive as small text files, never as links. */
export async function checkOut(spawn: Spawn, cache: string, tree: string, folder: string, signal: AbortSignal): Promise<void> {
  await mkdir(folder)
  const index = `${folder}.index`
  const env = { ...environment, GIT_INDEX_FILE: index }
  await git(spawn, [`--git-dir=${cache}`, 'read-tree', tree], { env, signal })
  const words = [
    `--git-dir=${cache}`,
    `--work-tree=${folder}`,
    'checkout-index',
    '--all',
    '--force',
    '--quiet',
    `--prefix=${folder}/`,
  ]
  await git(spawn, words, { env, timeout: 120_000, signal })
}

async function git(spawn: Spawn, words: readonly string[], options: SpawnOptions, secret = ''): Promise<string> {
  try {
    return await spawnChecked(spawn, gitCommand(...words), { env: environment, ...options })
  } catch (error) {
    const said = (error instanceof Error ? error.message : String(error)).replace(/^\S+ ended with status \d+: /, '')
    const message = secret === '' ? said : said.replaceAll(secret, shownRepository(secret))
    throw new ApplianceError('failed', `git: ${message}`)
  }
}

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitBackupDeclaration } from '../../../desired-state/state.ts'
import { makeDirectory, removeIfExists, statIfExists } from '../../../runtime/os/files.ts'
import { spawnChecked } from '../../../runtime/os/spawn.ts'
import { openRemote, type Remote, type RemoteDeps, remoteRefusal, withoutHooks } from './remote.ts'

export interface PushDeps extends RemoteDeps {
  /** The commit that is applied and verified; empty for none. */
  readonly verified: () => string
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly step: (name: string) => Promise<void>
}

export interface Pushed {
  /** What is there now that was not before, as Git names it. */
  readonly refs: readonly string[]
}

/**
 * `code`: main of the desired state as the branch, each project of the agents below `projects/NAME/`, and a tag for the
 * commit that is applied. `memory`: one commit with all of MEMORY. Nothing is ever forced.
 */
export async function pushBackup(deps: PushDeps, declaration: GitBackupDeclaration): Promise<Pushed> {
  const remote = await openRemote(deps, declaration)
  await deps.step('opened')
  const pushed =
    declaration.what === 'code' ? await pushCode(deps, remote, declaration.branch) : await pushMemory(deps, remote, declaration)
  await deps.step('pushed')
  return { refs: pushed }
}

async function pushCode(deps: PushDeps, remote: Remote, branch: string): Promise<string[]> {
  const { home, verified, now } = deps
  const commit = verified()
  const tag = `refs/tags/applied-${now().toISOString().slice(0, 10)}-${commit.slice(0, 8)}`
  const tagged =
    commit === '' || (await tags(deps, remote)).some(name => name.endsWith(`-${commit.slice(0, 8)}`)) ? [] : [`${commit}:${tag}`]
  const own = await push(deps, remote, home.repository, [`refs/heads/main:refs/heads/${branch}`, ...tagged])
  const projects = (await readdir(home.projects).catch(() => [])).filter(name => name.endsWith('.git')).sort()
  const theirs: string[] = []
  for (const project of projects) {
    const name = project.slice(0, -'.git'.length)
    const specs = [`refs/heads/*:refs/heads/projects/${name}/*`, `refs/tags/*:refs/tags/projects/${name}/*`]
    theirs.push(...(await push(deps, remote, join(home.projects, project), specs)))
  }
  return [...own, ...theirs]
}

async function tags(deps: PushDeps, remote: Remote): Promise<string[]> {
  const { code, stdout, stderr } = await git(deps, remote, ['ls-remote', '--tags', remote.address, 'refs/tags/applied-*'])
  if (code !== 0) throw remoteRefusal(remote, stderr)
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split('\t')[1] ?? '')
}

/** A repository of its own beside MEMORY, which is a folder of plain files. */
async function pushMemory(deps: PushDeps, remote: Remote, { name, branch }: GitBackupDeclaration): Promise<string[]> {
  const { home, spawn, now, signal } = deps
  const repository = join(home.backups, `git-${name}`)
  const env = { ...remote.env, GIT_DIR: repository, GIT_WORK_TREE: home.memory, ...author(now()) }
  const run = (...words: readonly string[]) =>
    spawnChecked(spawn, ['git', ...words], { env, cwd: home.memory, signal, timeout: longest })
  if ((await statIfExists(join(repository, 'HEAD'))) === undefined) {
    await makeDirectory(repository, 0o700)
    await spawnChecked(spawn, ['git', 'init', '--quiet', '--bare', '--template=', `--initial-branch=${branch}`, repository], {
      env: remote.env,
      signal,
    })
  }
  await removeOldLocks(repository, branch, now())
  await run('symbolic-ref', 'HEAD', `refs/heads/${branch}`)
  const there = await git(deps, remote, ['ls-remote', '--heads', remote.address, `refs/heads/${branch}`])
  if (there.code !== 0) throw remoteRefusal(remote, there.stderr)
  const known = await spawn(['git', 'rev-parse', '--quiet', '--verify', 'HEAD'], { env, signal })
  // A home that was restored goes on where the other one was.
  if (there.stdout.trim() !== '' && known.code !== 0)
    await run('fetch', '--quiet', remote.address, `refs/heads/${branch}:refs/heads/${branch}`)
  // Agents write there. Of a repository below it that stood in the index Git would ask whether it has changed, and what its
  // configuration names would run as us.
  await run('read-tree', '--empty')
  await run('add', '--all', '--force', '.')
  const { code } = await spawn(['git', 'diff', '--cached', '--quiet', 'HEAD'], {
    env,
    cwd: home.memory,
    signal,
    timeout: longest,
  })
  if (code !== 0)
    await run('commit', '--quiet', '--allow-empty', '--no-verify', '-m', `Memory of ${now().toISOString().slice(0, 10)}`)
  await deps.step('committed')
  return push(deps, remote, repository, [`refs/heads/${branch}:refs/heads/${branch}`])
}

/** Milliseconds; no Git of ours is let run longer. */
const longest = 600_000

/** A machine that went out leaves locks that nobody would take away, and nothing could be committed any more. */
async function removeOldLocks(repository: string, branch: string, now: Date): Promise<void> {
  for (const name of ['index', 'HEAD', 'config', 'packed-refs', join('refs', 'heads', branch)]) {
    const path = join(repository, `${name}.lock`)
    const found = await statIfExists(path)
    if (found !== undefined && found.mtimeMs < now.getTime() - longest) await removeIfExists(path)
  }
}

function author(now: Date): Record<string, string> {
  const names = { NAME: 'AI Infrastructure', EMAIL: 'appliance@localhost', DATE: now.toISOString() }
  return Object.fromEntries(
    Object.entries(names).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]),
  )
}

/** What was new there. */
async function push(deps: PushDeps, remote: Remote, repository: string, specs: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await git(deps, remote, [
    `--git-dir=${repository}`,
    'push',
    '--porcelain',
    '--no-verify',
    ...withoutHooks(remote),
    remote.address,
    ...specs,
  ])
  if (code !== 0) throw remoteRefusal(remote, `${stderr}\n${stdout}`)
  return stdout
    .split('\n')
    .filter(line => /^[ *]\t/.test(line))
    .map(line => line.split('\t')[1]?.split(':')[1] ?? '')
}

const git = ({ spawn, signal }: PushDeps, remote: Remote, words: readonly string[]) =>
  spawn(['git', ...words], { env: remote.env, signal, timeout: longest })

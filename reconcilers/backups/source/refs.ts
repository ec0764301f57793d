import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory, readTextIfExists, removeIfExists, statIfExists, writeFileAtomic } from '../../../runtime/os/files.ts'
import type { Home } from '../../../runtime/os/home.ts'
import { minimalEnvironment, type Spawn, spawnChecked } from '../../../runtime/os/spawn.ts'
import type { Manifest } from './manifest.ts'

type Repositories = Manifest['repositories']

const gitEnvironment = {
  ...minimalEnvironment,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_OPTIONAL_LOCKS: '0',
}

/** The bare repositories of a home, as paths below it. */
export async function bareRepositories(home: Home): Promise<string[]> {
  const projects = await readdir(home.projects).catch(() => [])
  const all = ['desired-state.git', ...projects.filter(name => name.endsWith('.git')).map(name => join('projects', name))]
  const there = await Promise.all(all.map(async path => (await statIfExists(join(home.root, path, 'HEAD'))) !== undefined))
  return all.filter((_, at) => there[at])
}

/**
 * Where every ref of every repository leads to. Objects are only ever added, so files that are copied after this hold
 * everything that these refs need, whatever is pushed meanwhile.
 */
export async function readRefs(home: Home, spawn: Spawn): Promise<Repositories> {
  const found: Repositories = {}
  for (const path of await bareRepositories(home)) {
    const lines = await spawnChecked(spawn, git(join(home.root, path), 'for-each-ref', '--format=%(objectname) %(refname)'), {
      env: gitEnvironment,
    })
    const refs = lines.split('\n').filter(line => line !== '')
    found[path] = {
      head: (await readTextIfExists(join(home.root, path, 'HEAD')))?.trim() ?? '',
      refs: Object.fromEntries(refs.map(line => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))])),
    }
  }
  return found
}

/** Sets the repositories of a restored home to the refs that were written down; what Git was in the middle of goes. */
export async function writeRefs(home: Home, repositories: Repositories): Promise<void> {
  for (const [path, { head, refs }] of Object.entries(repositories)) {
    const folder = join(home.root, path)
    if ((await statIfExists(folder)) === undefined) continue
    await removeLocks(folder)
    await rm(join(folder, 'refs'), { recursive: true, force: true })
    for (const name of ['refs/heads', 'refs/tags']) await makeDirectory(join(folder, name))
    const lines = Object.entries(refs)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, id]) => `${id} ${name}\n`)
    await writeFileAtomic(join(folder, 'packed-refs'), `# pack-refs with: sorted \n${lines.join('')}`)
    if (head !== '') await writeFileAtomic(join(folder, 'HEAD'), `${head}\n`)
  }
}

async function removeLocks(folder: string): Promise<void> {
  for await (const name of new Bun.Glob('**/*.lock').scan({ cwd: folder, dot: true })) await removeIfExists(join(folder, name))
}

/** What is wrong with the repositories of a restored home; empty when nothing is. */
export async function judgeRepositories(home: Home, wanted: Repositories, spawn: Spawn): Promise<string[]> {
  const found = await readRefs(home, spawn)
  const flaws: string[] = []
  for (const [path, { refs }] of Object.entries(wanted)) {
    if (found[path] === undefined) flaws.push(`${path} is missing`)
    else if (!Bun.deepEquals(found[path].refs, refs)) flaws.push(`the refs of ${path} differ`)
    else {
      const { code, stdout, stderr } = await spawn(
        git(join(home.root, path), 'fsck', '--connectivity-only', '--no-dangling', '--no-progress'),
        {
          env: gitEnvironment,
          timeout: 600_000,
        },
      )
      if (code !== 0) flaws.push(`${path}: ${(stderr || stdout).trim().split('\n')[0]}`)
    }
  }
  return flaws
}

const git = (folder: string, ...words: readonly string[]) => ['git', `--git-dir=${folder}`, ...words]

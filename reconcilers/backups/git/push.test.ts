import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GitBackupDeclaration } from '../../../desired-state/state.ts'
import { type TestHome, testHome } from '../../../desired-state/testing/home.ts'
import { makeHome } from '../../../runtime/os/home-folders.ts'
import { minimalEnvironment, type Spawn, spawn, spawnChecked } from '../../../runtime/os/spawn.ts'
import { ensureIdentity } from '../open.ts'
import { startSshd } from '../testing/sshd.ts'
import { pushBackup } from './push.ts'

setDefaultTimeout(120_000)

let rig: TestHome
let folder: string
const asked: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }[] = []
const watched: Spawn = (argv, options) => {
  asked.push({ argv, env: options?.env ?? {} })
  return spawn(argv, options)
}

beforeAll(async () => {
  rig = await testHome()
  await makeHome(rig.home)
  folder = await mkdtemp(join(tmpdir(), 'gp-'))
})
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function remote(name: string): Promise<string> {
  const path = join(folder, name)
  await spawnChecked(spawn, ['git', 'init', '--quiet', '--bare', '--initial-branch=main', path])
  return path
}

const git = async (path: string, ...words: string[]) => (await spawnChecked(spawn, ['git', `--git-dir=${path}`, ...words])).trim()
const target = (what: 'code' | 'memory', repository: string, more: Partial<GitBackupDeclaration> = {}): GitBackupDeclaration => ({
  ...{ name: what, repository, what, schedule: '0 2 * * *', branch: 'main' },
  ...more,
})
const push = async (declaration: GitBackupDeclaration, verified = '', day = '2026-11-28', fatal = '') =>
  pushBackup(
    {
      ...{ home: rig.home, spawn: watched, secret: async () => 'ghp_secret', verified: () => verified },
      ...{ now: () => new Date(`${day}T02:00:00Z`), signal: new AbortController().signal },
      step: async name => {
        if (name === fatal) throw new Error(`killed at ${name}`)
      },
    },
    declaration,
  )

test('the desired state and the projects of the agents are pushed, and the commit that is applied gets a tag, once', async () => {
  const there = await remote('code')
  const main = await git(rig.home.repository, 'rev-parse', 'main')
  await spawnChecked(spawn, ['git', 'clone', '--quiet', '--bare', rig.home.repository, join(rig.home.projects, 'bakery.git')])
  await git(join(rig.home.projects, 'bakery.git'), 'tag', 'v1.0', 'main')
  await push(target('code', there), main)
  expect(await git(there, 'rev-parse', 'main')).toBe(main)
  expect(await git(there, 'rev-parse', 'projects/bakery/main')).toBe(main)
  expect(await git(there, 'tag')).toBe(`applied-2026-11-28-${main.slice(0, 8)}\nprojects/bakery/v1.0`)
  expect((await push(target('code', there), main, '2026-11-29')).refs).toEqual([])
  expect((await git(there, 'tag')).split('\n')).toHaveLength(2)
})

test('a repository with other commits is never forced', async () => {
  const there = await remote('other')
  const env = {
    ...minimalEnvironment,
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  }
  const tree = (await spawnChecked(spawn, ['git', `--git-dir=${there}`, 'mktree'], { stdin: '', env })).trim()
  const theirs = (await spawnChecked(spawn, ['git', `--git-dir=${there}`, 'commit-tree', '-m', 'theirs', tree], { env })).trim()
  await git(there, 'update-ref', 'refs/heads/main', theirs)
  await expect(push(target('code', there))).rejects.toThrow('has commits that are not from here, and nothing is ever forced')
  expect(await git(there, 'rev-parse', 'main')).toBe(theirs)
  await expect(push(target('code', join(folder, 'nowhere')))).rejects.toThrow('there is no repository')
})

test('a repository on this machine runs none of its hooks as us, and one that agents can write into is none', async () => {
  const there = await remote('hooked')
  const hook = `#!/bin/sh\ntouch ${join(folder, 'it-ran')}\n`
  for (const name of ['pre-receive', 'update', 'post-receive', 'post-update', 'reference-transaction'])
    await writeFile(join(there, 'hooks', name), hook, { mode: 0o755 })
  await push(target('code', there))
  expect(await git(there, 'rev-parse', 'main')).toBe(await git(rig.home.repository, 'rev-parse', 'main'))
  expect(await readdir(folder)).not.toContain('it-ran')
  const link = join(folder, 'elsewhere')
  await symlink(rig.home.workspaces, link)
  for (const inside of [rig.home.workspaces, join(rig.home.workspaces, 'code/b.git'), link])
    await expect(push(target('code', inside))).rejects.toThrow('is in the appliance itself')
})

test('memory is one commit a time, nothing when nothing is new, and goes on after a death and on a restored home', async () => {
  const there = await remote('memory')
  await writeFile(join(rig.home.memory, 'lesson.md'), 'first')
  await expect(push(target('memory', there), '', '2026-11-22', 'committed')).rejects.toThrow('killed at committed')
  await push(target('memory', there), '', '2026-11-22')
  expect(await git(there, 'show', 'main:lesson.md')).toBe('first')
  expect((await push(target('memory', there), '', '2026-11-29')).refs).toEqual([])
  await rm(join(rig.home.backups, 'git-memory'), { recursive: true })
  await writeFile(join(rig.home.memory, 'lesson.md'), 'second')
  await push(target('memory', there), '', '2026-12-06')
  expect(await git(there, 'log', '--format=%s', 'main')).toBe('Memory of 2026-12-06\nMemory of 2026-11-22')
})

test('a lock that a machine left that went out keeps nothing from being pushed; that of a Git that works is respected', async () => {
  const there = await remote('locked')
  const declaration = target('memory', there, { name: 'locked' })
  await push(declaration, '', '2026-11-22')
  const lock = join(rig.home.backups, 'git-locked', 'index.lock')
  const left = async (at: string) => {
    await writeFile(lock, '')
    await utimes(lock, new Date(at), new Date(at))
    await writeFile(join(rig.home.memory, 'lesson.md'), at)
  }
  await left('2026-11-29T01:55:00Z')
  await expect(push(declaration, '', '2026-11-29')).rejects.toThrow('index.lock')
  await left('2026-11-29T01:45:00Z')
  await push(declaration, '', '2026-11-29')
  expect(await git(there, 'show', 'main:lesson.md')).toBe('2026-11-29T01:45:00Z')
})

test('a repository that somebody puts into MEMORY has nothing run, whatever its configuration names', async () => {
  const there = await remote('hostile')
  const inside = join(rig.home.memory, 'inside')
  const mark = join(folder, 'it-ran')
  await spawnChecked(spawn, ['git', 'init', '--quiet', inside])
  await writeFile(join(folder, 'run.sh'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  await spawnChecked(spawn, [
    'git',
    '-C',
    inside,
    ...['-c', 'user.name=a', '-c', 'user.email=a@b'],
    'commit',
    '--quiet',
    '--allow-empty',
    '-m',
    'x',
  ])
  await spawnChecked(spawn, ['git', '-C', inside, 'config', 'core.fsmonitor', join(folder, 'run.sh')])
  for (const day of ['2026-11-22', '2026-11-29', '2026-12-06']) {
    await writeFile(join(rig.home.memory, 'lesson.md'), day)
    await push(target('memory', there, { name: 'hostile' }), '', day)
    expect(await git(there, 'show', 'main:lesson.md')).toBe(day)
  }
  expect(await readdir(folder)).not.toContain('it-ran')
  await rm(inside, { recursive: true })
})

test('a token is in the environment of the Git that pushes, and in no command line', async () => {
  asked.length = 0
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('no', { status: 401 }) })
  const declaration = target('code', `http://127.0.0.1:${server.port}/a.git`, { token: 'secret:GITHUB_PAT' })
  const refused = await push(declaration).then(
    () => '',
    (error: unknown) => String(error),
  )
  await server.stop(true)
  expect(refused).toContain('lets us not in')
  expect(refused).not.toContain('ghp_secret')
  const words = Buffer.from('x-access-token:ghp_secret').toString('base64')
  expect(asked.some(({ env }) => Object.values(env).some(value => value.includes(words)))).toBe(true)
  expect(JSON.stringify(asked.map(({ argv }) => argv))).not.toContain(words)
})

test('over ssh it is pushed with a key of our own, once that is let in, to a server that shows the key that was declared', async () => {
  await using sshd = await startSshd()
  const there = await remote('over-ssh')
  const main = await git(rig.home.repository, 'rev-parse', 'main')
  const address = (path: string) => `ssh://${sshd.user}@127.0.0.1:${sshd.port}${path}`
  const declaration = target('code', address(there), { host_key: sshd.hostKey })
  await expect(push(declaration, main)).rejects.toThrow('lets us not in')
  await sshd.letIn(await Bun.file(`${await ensureIdentity(rig.home, spawn)}.pub`).text())
  await push(declaration, main)
  expect(await git(there, 'rev-parse', 'main')).toBe(main)
  expect(await git(there, 'tag')).toContain(`applied-2026-11-28-${main.slice(0, 8)}`)
  await expect(push({ ...declaration, repository: address(`${there}-gone`) }, main)).rejects.toThrow('there is no repository')
  const another = `${sshd.hostKey.slice(0, 40)}${'A'.repeat(28)}`
  await expect(push({ ...declaration, host_key: another }, main)).rejects.toThrow('shows another key than host_key says')
})

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../os/home.ts'
import { minimalEnvironment, spawn } from '../os/spawn.ts'
import { createProjects, type Projects } from './projects.ts'

let root: string
let home: Home
let projects: Projects
let clone: string
let count = 0

const limits = { bundleBytes: 4_000_000, objectBytes: 8_000_000, bytes: 12_000_000, objects: 500 }

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pr-'))
  home = homeAt(join(root, 'home'))
  projects = createProjects({ home, spawn, limits })
})
afterAll(() => rm(root, { recursive: true, force: true }))

const workspace = () => join(home.workspaces, 'code')
const env = {
  ...minimalEnvironment,
  ...{ GIT_CONFIG_NOSYSTEM: '1', HOME: '/nonexistent' },
  ...{ GIT_AUTHOR_NAME: 'code', GIT_AUTHOR_EMAIL: 'c@x.invalid', GIT_COMMITTER_NAME: 'code', GIT_COMMITTER_EMAIL: 'c@x.invalid' },
}
async function git(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await spawn(['git', '-C', clone, ...args], { env })
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}
async function commit(name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(clone, name), content)
  await git('add', '--all')
  await git('commit', '--quiet', '-m', `write ${name}`)
  return git('rev-parse', 'HEAD')
}
async function bundle(...what: string[]): Promise<string> {
  const name = `temp/b${++count}.bundle`
  await git('bundle', 'create', '--quiet', join(workspace(), name), ...what)
  return name
}

beforeEach(async () => {
  await rm(home.root, { recursive: true, force: true })
  clone = join(workspace(), 'working', 'bakery')
  await mkdir(join(workspace(), 'temp'), { recursive: true })
  await mkdir(clone, { recursive: true })
  await git('init', '--quiet', '--initial-branch=main')
})

test('the first delivery makes the project, later ones move main forward, and publishing moves live', async () => {
  const first = await commit('index.html', 'one')
  expect(await projects.receive('bakery', 'code', await bundle('HEAD'))).toEqual({
    commit: first,
    previous: undefined,
    commits: 1,
  })
  const second = await commit('index.html', 'two')
  expect(await projects.receive('bakery', 'code', await bundle('HEAD', `^${first}`))).toEqual({
    commit: second,
    previous: first,
    commits: 1,
  })
  expect(await projects.heads('bakery')).toEqual({ main: second, live: undefined })
  await projects.publish('bakery', first)
  await projects.publish('bakery', second)
  expect(await projects.heads('bakery')).toEqual({ main: second, live: second })
  expect(await projects.names()).toEqual(['bakery'])
  expect((await projects.receive('bakery', 'code', await bundle('HEAD'))).commits).toBe(0)
})

test('a history that main is not part of is refused, and main stays', async () => {
  const first = await commit('a', 'one')
  await projects.receive('bakery', 'code', await bundle('HEAD'))
  await git('commit', '--quiet', '--amend', '-m', 'another history')
  await expect(projects.receive('bakery', 'code', await bundle('HEAD'))).rejects.toThrow('main of bakery has moved')
  expect((await projects.heads('bakery'))?.main).toBe(first)
})

test('only a commit of main is published, and never backwards', async () => {
  const first = await commit('a', 'one')
  await projects.receive('bakery', 'code', await bundle('HEAD'))
  const second = await commit('a', 'two')
  await expect(projects.publish('bakery', second)).rejects.toThrow('is not on main')
  await projects.receive('bakery', 'code', await bundle('HEAD'))
  await projects.publish('bakery', second)
  await expect(projects.publish('bakery', first)).rejects.toThrow('is live and not part of')
  await expect(projects.publish('cake', first)).rejects.toThrow('there is no project cake')
})

test('hooks, configuration and other refs of the sender do not come along', async () => {
  await commit('a', 'one')
  const marker = join(root, 'owned')
  await git('branch', 'live')
  await git('branch', 'extra')
  await git('tag', 'v1')
  const sent = await bundle('--all', 'HEAD')
  for (const hook of ['post-update', 'update', 'reference-transaction', 'post-index-change'])
    await writeFile(join(clone, '.git', 'hooks', hook), `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 })
  await git('config', 'core.pager', `touch ${marker}`)
  await projects.receive('bakery', 'code', sent)
  const repository = projects.repository('bakery')
  expect(await readdir(repository)).not.toContain('hooks')
  expect(await readFile(join(repository, 'config'), 'utf8')).not.toContain('pager')
  const refs = await spawn(['git', '--git-dir', repository, 'for-each-ref', '--format=%(refname)'], { env })
  expect(refs.stdout.trim()).toBe('refs/heads/main')
  expect(await Bun.file(marker).exists()).toBe(false)
})

test('a bundle that is cut, damaged, empty or something else is refused, and leaves nothing behind', async () => {
  await commit('a', 'one')
  await projects.receive('bakery', 'code', await bundle('HEAD'))
  await commit('b', Buffer.from(crypto.getRandomValues(new Uint8Array(20_000))))
  const whole = new Uint8Array(await Bun.file(join(workspace(), await bundle('HEAD'))).arrayBuffer())
  const damaged = whole.slice()
  damaged[damaged.length - 9_000] = (damaged.at(-9_000) ?? 0) ^ 0xff
  const wrong = new TextEncoder().encode(`# v2 git bundle\n${'0'.repeat(40)} HEAD\n\n`)
  for (const bytes of [whole.slice(0, -100), damaged, new Uint8Array(), wrong, crypto.getRandomValues(new Uint8Array(500))]) {
    await writeFile(join(workspace(), 'temp', 'bad.bundle'), bytes)
    await expect(projects.receive('bakery', 'code', 'temp/bad.bundle')).rejects.toThrow(/bundle/)
  }
  const objects = await readdir(join(projects.repository('bakery'), 'objects'))
  expect(objects.filter(name => name.startsWith('incoming'))).toEqual([])
})

test('a commit whose parents or files are missing is refused', async () => {
  const first = await commit('a', 'one')
  await commit('a', 'two')
  await expect(projects.receive('bakery', 'code', await bundle('HEAD', `^${first}`))).rejects.toThrow('bundle is refused')
})

test('a bundle that is huge, or unfolds to something huge, is refused', async () => {
  await commit('noise', crypto.getRandomValues(new Uint8Array(65_536)))
  const large = join(workspace(), 'temp', 'large.bundle')
  await writeFile(large, new Uint8Array(limits.bundleBytes + 1))
  await expect(projects.receive('bakery', 'code', 'temp/large.bundle')).rejects.toThrow('are allowed')
  await commit('zeros', new Uint8Array(limits.objectBytes + 1))
  await expect(projects.receive('bakery', 'code', await bundle('HEAD'))).rejects.toThrow('one file has')
  expect((await projects.heads('bakery'))?.main).toBeUndefined()
})

test('a tree that would write into .git is refused', async () => {
  await commit('a', 'one')
  const blob = await git('rev-parse', 'HEAD:a')
  const { stdout } = await spawn(['git', '-C', clone, 'hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], {
    env,
    stdin: Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')]),
  })
  const made = await git('commit-tree', '-m', 'x', '-p', 'HEAD', stdout.trim())
  await git('update-ref', 'refs/heads/main', made)
  await expect(projects.receive('bakery', 'code', await bundle('HEAD'))).rejects.toThrow('damaged or refused')
})

test('a bundle is read from the workspace of who sends it, whatever links lie there', async () => {
  await commit('a', 'one')
  const other = join(home.workspaces, 'data')
  await mkdir(other, { recursive: true })
  await git('bundle', 'create', '--quiet', join(other, 'theirs.bundle'), 'HEAD')
  await symlink(join(other, 'theirs.bundle'), join(workspace(), 'temp', 'link.bundle'))
  await symlink(other, join(workspace(), 'temp', 'folder'))
  for (const path of [
    'temp/link.bundle',
    'temp/folder/theirs.bundle',
    '../data/theirs.bundle',
    join(other, 'theirs.bundle'),
    'temp',
  ])
    await expect(projects.receive('bakery', 'code', path)).rejects.toThrow(/leads out|plain file|not a path/)
})

test('a name that is a path is no project', async () => {
  for (const name of ['../x', 'a/b', '', '.', 'A', '-x', 'x.git', 'x'.repeat(70)])
    await expect((async () => projects.heads(name))()).rejects.toThrow('is no name of a project')
})

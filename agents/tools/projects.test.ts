import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { presets } from '../../desired-state/documents/presets.ts'
import { spawn } from '../../runtime/os/spawn.ts'
import { createProjects } from '../../runtime/projects/projects.ts'
import { toolsOf } from './registry.ts'
import { type Bench, named, toolBench } from './testing/bench.ts'
import type { ToolContext } from './tool.ts'

let bench: Bench
beforeAll(async () => {
  bench = await toolBench()
  const projects = createProjects({ home: bench.home, spawn })
  bench.answer('project.submit', ({ project, bundle }) => projects.receive(String(project), 'code', String(bundle)))
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const tools = toolsOf('code', presets[1])
const use = (name: string, input: unknown, context?: ToolContext) => bench.use(named(tools, name), input, context)

async function elsewhere(task: string): Promise<ToolContext> {
  const folder = join(bench.context.workspace, 'working', task)
  await mkdir(folder, { recursive: true })
  return { ...bench.context, folder, task }
}

test('a project is begun, committed and submitted, and the next task finds it in a worktree of its own', async () => {
  expect((await use('project_open', { project: 'bakery' })).text).toContain('no commit yet: the project is new')
  await writeFile(join(bench.context.folder, 'bakery', 'index.html'), '<h1>Bread</h1>')
  expect((await use('project_submit', { project: 'bakery' })).text).toContain('not everything is committed')
  expect((await use('project_commit', { project: 'bakery', message: 'A page for the bakery' })).text).toContain('index.html')
  expect((await use('project_commit', { project: 'bakery', message: 'again' })).text).toBe('there is nothing to commit')
  expect((await use('project_submit', { project: 'bakery' })).text).toContain('"commits": 1')
  expect((await use('project_submit', { project: 'bakery' })).text).toContain('nothing new')
  expect(await readdir(join(bench.context.workspace, 'temp'))).toEqual([])

  const later = await elsewhere('task-2')
  expect((await use('project_open', { project: 'bakery' }, later)).text).toContain('A page for the bakery')
  await writeFile(join(later.folder, 'bakery', 'index.html'), '<h1>Bread and cake</h1>')
  expect((await use('project_diff', { project: 'bakery' }, later)).text).toContain('+<h1>Bread and cake</h1>')
  await use('project_commit', { project: 'bakery', message: 'Cake' }, later)
  expect((await use('project_submit', { project: 'bakery' }, later)).text).toContain('"commits": 1')
  const author = await later.run({ argv: ['git', 'log', '-1', '--format=%an <%ae>'], cwd: join(later.folder, 'bakery') })
  expect(author.stdout.trim()).toBe('code <code@ai-infrastructure.invalid>')
})

test('who comes second rebases on what was submitted meanwhile', async () => {
  const folder = join(bench.context.folder, 'bakery')
  await writeFile(join(folder, 'more.html'), 'more')
  await use('project_commit', { project: 'bakery', message: 'More' })
  expect(await use('project_submit', { project: 'bakery' })).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('main of bakery has moved'),
  })
  expect((await use('project_open', { project: 'bakery' })).text).toContain('bakery')
  const rebased = await bench.context.run({ argv: ['git', 'rebase', '--quiet', 'origin/main'], cwd: folder })
  expect(rebased.stderr).toBe('')
  expect((await use('project_submit', { project: 'bakery' })).text).toContain('"commits": 1')
  expect((await use('project_log', { project: 'bakery' })).text).toContain('Cake')
})

test('two tasks on one project work side by side, and what conflicts is settled by a rebase', async () => {
  const [one, two] = [await elsewhere('task-3'), await elsewhere('task-4')]
  const write = (context: ToolContext, text: string) => writeFile(join(context.folder, 'menu', 'menu.txt'), text)
  await use('project_open', { project: 'menu' }, one)
  await use('project_open', { project: 'menu' }, two)
  await write(one, 'bread\n')
  await write(two, 'cake\n')
  for (const context of [one, two]) await use('project_commit', { project: 'menu', message: 'The menu' }, context)
  expect((await use('project_submit', { project: 'menu' }, one)).text).toContain('"commits": 1')
  expect(await use('project_submit', { project: 'menu' }, two)).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('project_open again'),
  })
  await use('project_open', { project: 'menu' }, two)
  const cwd = join(two.folder, 'menu')
  const git = async (...words: string[]) => two.run({ argv: ['git', ...words], cwd })
  expect((await git('rebase', 'origin/main')).code).not.toBe(0)
  expect((await use('project_open', { project: 'menu' }, two)).text).toContain('AA menu.txt')
  await write(two, 'bread\ncake\n')
  await git('add', 'menu.txt')
  expect((await git('rebase', '--continue')).code).toBe(0)
  expect((await use('project_submit', { project: 'menu' }, two)).text).toContain('"commits": 1')
  await use('project_open', { project: 'menu' }, one)
  expect(await readFile(join(one.folder, 'menu', 'menu.txt'), 'utf8')).toBe('bread\ncake\n')
})

test('what was never submitted outlives the folder of its task; what is on main leaves no branch behind', async () => {
  const before = await elsewhere('task-5')
  await use('project_open', { project: 'menu' }, before)
  await writeFile(join(before.folder, 'menu', 'logo.png'), new Uint8Array([0x89, 0x50, 0, 0xff]))
  await use('project_commit', { project: 'menu', message: 'A logo' }, before)
  for (const task of ['task-3', 'task-4', 'task-5']) await rm(join(before.workspace, 'working', task), { recursive: true })
  await use('project_open', { project: 'menu' }, await elsewhere('task-6'))
  const store = join(before.workspace, 'cache', 'projects', 'menu.git')
  const branches = await before.run({ argv: ['git', 'branch', '--format=%(refname:short)'], cwd: store })
  expect(branches.stdout.trim().split('\n')).toEqual(['task/task-5', 'task/task-6'])
  const again = await elsewhere('task-5')
  expect((await use('project_open', { project: 'menu' }, again)).text).toContain('A logo')
  expect(await readFile(join(again.folder, 'menu', 'logo.png'))).toEqual(Buffer.from([0x89, 0x50, 0, 0xff]))
})

test('a large history is in the workspace once, however many tasks work on it', async () => {
  const first = await elsewhere('task-7')
  await use('project_open', { project: 'large' }, first)
  await writeFile(join(first.folder, 'large', 'noise'), crypto.getRandomValues(new Uint8Array(60_000)))
  await use('project_commit', { project: 'large', message: 'Noise' }, first)
  await use('project_submit', { project: 'large' }, first)
  const second = await elsewhere('task-8')
  await use('project_open', { project: 'large' }, second)
  expect(await readFile(join(second.folder, 'large', '.git'), 'utf8')).toStartWith('gitdir: ')
  expect((await readdir(join(second.folder, 'large'))).sort()).toEqual(['.git', 'noise'])
})

test('a name that is a path, and a revision that is an option, do not pass their schemas', async () => {
  for (const project of ['../x', 'a/b', '-rf', ''])
    expect(named(tools, 'project_open').input.safeParse({ project }).success).toBe(false)
  expect(named(tools, 'project_diff').input.safeParse({ project: 'bakery', since: '--output=/etc/x' }).success).toBe(false)
})

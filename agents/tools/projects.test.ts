import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
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

test('a project is begun, committed and submitted, and the next task finds it in a clone of its own', async () => {
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

test('a name that is a path, and a revision that is an option, do not pass their schemas', async () => {
  for (const project of ['../x', 'a/b', '-rf', ''])
    expect(named(tools, 'project_open').input.safeParse({ project }).success).toBe(false)
  expect(named(tools, 'project_diff').input.safeParse({ project: 'bakery', since: '--output=/etc/x' }).success).toBe(false)
})

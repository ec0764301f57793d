import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { presets } from '../../desired-state/documents/presets.ts'
import { spawn } from '../../runtime/os/spawn.ts'
import { createProjects } from '../../runtime/projects/projects.ts'
import { toolsOf } from './registry.ts'
import { named } from './testing/bench.ts'
import { type SandboxedBench, sandboxedBench } from './testing/sandboxed.ts'
import type { ToolContext } from './tool.ts'

setDefaultTimeout(120_000)

let bench: SandboxedBench
let qa: ToolContext
beforeAll(async () => {
  bench = await sandboxedBench('code', presets[1])
  qa = await bench.as('qa')
  await writeFile(join(bench.home.keys, 'secret'), 'the key')
  await writeFile(join(qa.folder, 'notes'), 'notes of qa')
  const projects = createProjects({ home: bench.home, spawn })
  bench.answer('project.submit', ({ project, bundle }) => projects.receive(String(project), 'code', String(bundle)))
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const tools = toolsOf('code', presets[1])
const use = (name: string, input: unknown, context?: ToolContext) => bench.use(named(tools, name), input, context)

test('files are written, searched and edited, commands run, and output comes as it is written', async () => {
  await use('write', { path: 'a/b.txt', content: 'hello\n' })
  expect((await use('edit', { path: 'a/b.txt', old: 'hello', new: 'bye' })).text).toBe('replaced at line 1')
  expect((await use('search', { pattern: 'b.e' })).text).toBe('a/b.txt:1: bye')
  expect((await use('run', { command: 'cat a/b.txt; echo problem >&2; exit 3' })).text).toMatch(
    /^exit status 3, .*\nbye\n\[stderr\]\nproblem$/,
  )
  expect(bench.printed.join('')).toContain('bye')
})

test('no path leads out of the workspace: not .., not a link, not /proc/self/root', async () => {
  const { home, context } = bench
  await symlink(join(home.keys, 'secret'), join(context.folder, 'link'))
  await symlink(home.keys, join(context.folder, 'keys'))
  const ways = [
    ...['../../../../keys/secret', join(home.keys, 'secret'), 'link', 'keys/secret'],
    ...[`/proc/self/root${home.keys}/secret`, `/proc/1/root${home.keys}/secret`, join(qa.folder, 'notes'), '/etc/shadow'],
  ]
  for (const path of ways) {
    expect({ path, ...(await use('read', { path })) }).toMatchObject({
      path,
      outcome: 'failed',
      text: expect.not.stringContaining('the key'),
    })
  }
  const writes = [
    '../../../qa/working/task-1/x',
    join(qa.folder, 'notes'),
    'keys/new',
    join(home.projects, 'x'),
    join(home.www, 'x'),
    '/usr/x',
  ]
  for (const path of writes)
    expect({ path, ...(await use('write', { path, content: 'owned' })) }).toMatchObject({ path, outcome: 'failed' })
  expect((await use('edit', { path: 'link', old: 'the', new: 'a' })).outcome).toBe('failed')
  expect((await use('search', { pattern: 'key', path: home.keys })).text).not.toContain('the key')
  expect(await readFile(join(qa.folder, 'notes'), 'utf8')).toBe('notes of qa')
  expect(await readdir(home.keys)).toEqual(['secret'])
})

test('a project goes from one agent through its repository to another, which cannot write it', async () => {
  await use('project_open', { project: 'bakery' })
  await use('write', { path: 'bakery/index.html', content: '<h1>Bread</h1>' })
  await use('project_commit', { project: 'bakery', message: 'A page' })
  expect((await use('project_submit', { project: 'bakery' })).text).toContain('"commits": 1')
  const opened = await use('project_open', { project: 'bakery' }, qa)
  expect(opened.text).toContain('A page')
  expect((await use('read', { path: 'bakery/index.html' }, qa)).text).toBe('1\t<h1>Bread</h1>')
  const repository = join(bench.home.projects, 'bakery.git')
  const attack = await use('run', {
    command: `git -C bakery push origin HEAD:evil; echo x > ${repository}/hooks; touch ${repository}/config.lock; ls ${repository}`,
  })
  expect(attack.text).not.toContain('config.lock\n')
  expect(await readdir(join(repository, 'refs', 'heads'))).toEqual(['main'])
  expect(await readdir(repository)).not.toContain('hooks')
})

test('objects of a worktree are its agent’s own: nothing of the project is reached through a second name', async () => {
  const store = join(qa.workspace, 'cache', 'projects', 'bakery.git')
  const command = `find ${store} -type f -links +1 | wc -l; cat ${store}/objects/info/alternates 2>/dev/null | wc -l`
  expect((await use('run', { command }, qa)).text).toMatch(/\n0\n0$/)
})

test('a long text and a large picture come through whole', async () => {
  const lines = Array.from({ length: 1_800 }, (_, index) => `${index} "${'bread\t'.repeat(7)}"`)
  await writeFile(join(bench.context.folder, 'long.txt'), lines.join('\n'))
  const { text } = await use('read', { path: 'long.txt' })
  expect(text.endsWith(`1800\t${lines.at(-1)}`)).toBe(true)
  const picture = Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    crypto.getRandomValues(new Uint8Array(60_000)),
    Buffer.alloc(300_000, 7),
  ])
  await writeFile(join(bench.context.folder, 'loaf.png'), picture)
  const { content } = await use('read', { path: 'loaf.png' })
  expect(content).toStrictEqual([
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture.toString('base64') } },
  ])
})

test('the tests of a project run with the Bun that is there, and one that never ends is ended', async () => {
  const policy = { ...presets[1], limits: { ...presets[1].limits, max_execution_time_seconds: 5 } }
  await using quick = await sandboxedBench('qa', policy)
  const check = named(toolsOf('qa', policy), 'test')
  const write = named(toolsOf('qa', policy), 'write')
  await quick.use(write, { path: 'a/package.json', content: '{}' })
  await quick.use(write, { path: 'a/a.test.ts', content: "import { test } from 'bun:test'\ntest('works', () => {})\n" })
  expect(await quick.use(check, { folder: 'a' })).toMatchObject({ outcome: 'done', text: expect.stringContaining('1 pass') })
  await quick.use(write, { path: 'b/package.json', content: '{"scripts":{"test":"sleep 1000"}}' })
  expect(await quick.use(check, { folder: 'b' })).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('it took longer than 5 seconds'),
  })
})

test('a workspace without its folder of temporary files, or full of odd names, is no way out', async () => {
  const odd = 'a\nb; rm -rf ..'
  await mkdir(join(bench.context.folder, odd))
  await writeFile(join(bench.context.folder, odd, '$(touch owned).txt'), 'odd')
  expect((await use('list', { path: odd })).text).toContain('$(touch owned).txt')
  expect((await use('read', { path: `${odd}/$(touch owned).txt` })).text).toBe('1\todd')
  expect(await readdir(bench.context.folder)).not.toContain('owned')
})

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { presets } from '../../desired-state/documents/presets.ts'
import { toolsOf } from './registry.ts'
import { type Bench, named, toolBench } from './testing/bench.ts'

let bench: Bench
beforeAll(async () => {
  bench = await toolBench()
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const tools = toolsOf('code', presets[1])
const use = (name: string, input: unknown) => bench.use(named(tools, name), input)
const at = (name: string) => join(bench.context.folder, name)

test('a file is written, read with numbers, and read in ranges', async () => {
  expect((await use('write', { path: 'src/a.txt', content: 'one\ntwo\nthree\n' })).text).toBe('created src/a.txt, 14 bytes')
  expect((await use('read', { path: 'src/a.txt' })).text).toBe('1\tone\n2\ttwo\n3\tthree')
  expect((await use('read', { path: 'src/a.txt', from: 2, to: 2 })).text).toStartWith('2\ttwo\n… lines 2 to 2 of 3')
  expect((await use('write', { path: 'src/a.txt', content: 'x' })).text).toBe('replaced src/a.txt, 1 bytes')
})

test('a file, an empty folder and a link itself are deleted, nothing else', async () => {
  await use('write', { path: 'gone/a.txt', content: 'x' })
  await symlink(at('gone/a.txt'), at('link'))
  expect((await use('delete', { path: 'link' })).text).toBe('deleted link')
  expect(await use('delete', { path: 'gone' })).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('is not empty'),
  })
  expect((await use('delete', { path: 'gone/a.txt' })).text).toBe('deleted gone/a.txt')
  expect((await use('delete', { path: 'gone' })).text).toBe('deleted gone')
  expect(await use('delete', { path: 'gone' })).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('does not exist'),
  })
})

test('an edit that matches nowhere or several times changes nothing and says how many', async () => {
  await use('write', { path: 'b.txt', content: 'let a = 1\nlet a = 1\nend\n' })
  expect(await use('edit', { path: 'b.txt', old: 'let a', new: 'const a' })).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('is 2 times in'),
  })
  expect((await use('edit', { path: 'b.txt', old: '  end', new: 'x' })).text).toContain('its first line is like line 3')
  expect(await readFile(at('b.txt'), 'utf8')).toBe('let a = 1\nlet a = 1\nend\n')
  expect((await use('edit', { path: 'b.txt', old: 'let a', new: '$& a', all: true })).text).toBe(
    'replaced 2 times, first at line 1',
  )
  expect((await use('edit', { path: 'b.txt', old: 'end', new: 'END' })).text).toBe('replaced at line 3')
  expect(await readFile(at('b.txt'), 'utf8')).toBe('$& a = 1\n$& a = 1\nEND\n')
})

test('a patch is applied whole or not at all, also with wrong counts, below a repository, and never outside', async () => {
  await use('write', { path: 'p/one.txt', content: 'a\nb\nc\n' })
  const good =
    '--- a/one.txt\n+++ b/one.txt\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n--- /dev/null\n+++ b/two.txt\n@@ -0,0 +1 @@\n+new\n'
  expect((await use('patch', { diff: good, folder: 'p' })).text).toBe('applied to one.txt, two.txt')
  expect(await readFile(at('p/one.txt'), 'utf8')).toBe('a\nB\nc\n')
  const miscounted = '--- a/one.txt\n+++ b/one.txt\n@@ -1,9 +1,7 @@\n a\n-B\n+b\n c\n'
  expect((await use('patch', { diff: miscounted, folder: 'p' })).text).toBe('applied to one.txt')
  const half = '--- a/two.txt\n+++ b/two.txt\n@@ -1 +1 @@\n-new\n+newer\n--- a/one.txt\n+++ b/one.txt\n@@ -1 +1 @@\n-zzz\n+y\n'
  expect((await use('patch', { diff: half, folder: 'p' })).outcome).toBe('failed')
  expect(await readFile(at('p/two.txt'), 'utf8')).toBe('new\n')
  const outside = '--- /dev/null\n+++ b/../escaped.txt\n@@ -0,0 +1 @@\n+x\n'
  expect((await use('patch', { diff: outside, folder: 'p' })).outcome).toBe('failed')
  await symlink('/tmp', at('p/link'))
  const through = '--- /dev/null\n+++ b/link/escaped.txt\n@@ -0,0 +1 @@\n+x\n'
  expect((await use('patch', { diff: through, folder: 'p' })).text).toContain('beyond a symbolic link')
})

test('searching gives the place and passes over what programs made', async () => {
  await use('write', { path: 's/code.ts', content: 'const token = 1\nnothing\n' })
  await use('write', { path: 's/node_modules/x/index.js', content: 'const token = 2\n' })
  await use('write', { path: 's/.gitignore', content: 'node_modules\n' })
  await bench.context.run({ argv: ['git', 'init', '--quiet'], cwd: at('s') })
  expect((await use('search', { pattern: 'to[k]en', path: 's' })).text).toBe('s/code.ts:1: const token = 1')
  expect((await use('search', { pattern: 'TOKEN', path: 's', ignore_case: true, glob: '*.md' })).text).toBe('nothing found')
  expect((await use('search', { pattern: '-e(', path: 's' })).outcome).toBe('failed')
})

test('a folder is listed to its depth', async () => {
  await mkdir(at('l/x/y/z'), { recursive: true })
  await writeFile(at('l/x/f'), '12345')
  expect((await use('list', { path: 'l' })).text).toBe('x/\nx/f  5\nx/y/')
})

test('images come as images, other bytes are refused', async () => {
  const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(400_000, 7)])
  await writeFile(at('i.png'), png)
  const { content } = await use('read', { path: 'i.png' })
  expect(content).toEqual([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.toString('base64') } }])
  await writeFile(at('x.bin'), Buffer.alloc(20))
  expect((await use('read', { path: 'x.bin' })).text).toBe('x.bin is no text: 20 bytes')
})

test('what is not there, is a folder or never ends is said in a sentence', async () => {
  expect((await use('read', { path: 'none' })).text).toContain('does not exist, or is out of sight')
  expect((await use('read', { path: '.' })).text).toContain('is a folder: use list')
  expect((await use('read', { path: '/dev/zero' })).text).toContain('is no plain file')
  await bench.context.run({ argv: ['mkfifo', at('fifo')], cwd: '/' })
  expect((await use('read', { path: 'fifo' })).text).toContain('is no plain file')
  expect((await use('write', { path: 'fifo', content: '' })).text).toContain('is no plain file')
  expect((await use('read', { path: 'a\0b' })).text).toContain('cannot be a path')
})

test('a file that is edited keeps its mode, and a link keeps leading to it', async () => {
  await writeFile(at('tool.sh'), 'echo one\n', { mode: 0o755 })
  await symlink('tool.sh', at('alias.sh'))
  await use('edit', { path: 'alias.sh', old: 'one', new: 'two' })
  expect(await readFile(at('tool.sh'), 'utf8')).toBe('echo two\n')
  expect((await stat(at('tool.sh'))).mode & 0o777).toBe(0o755)
})

test('every path is asked for as it will be used, wherever it leads', async () => {
  const needs = async (name: string, input: unknown) => {
    const tool = named(tools, name)
    return tool.needs(tool.input.parse(input), bench.context)
  }
  expect(await needs('read', { path: '../../../../../etc/passwd' })).toEqual([
    { kind: 'read', path: join(bench.home.root, '../etc/passwd') },
  ])
  expect(await needs('write', { path: '/etc/cron.d/x', content: '' })).toEqual([{ kind: 'write', path: '/etc/cron.d/x' }])
  expect(await needs('patch', { diff: 'x' })).toEqual([{ kind: 'write', path: bench.context.folder }])
})

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { presets } from '../../desired-state/documents/presets.ts'
import { checksOf, ranNothing } from './checks.ts'
import { toolsOf } from './registry.ts'
import { type Bench, named, toolBench } from './testing/bench.ts'

let bench: Bench
beforeAll(async () => {
  bench = await toolBench('qa')
})
afterAll(() => bench?.[Symbol.asyncDispose]())

const tools = toolsOf('qa', presets[1])
const use = (name: string, input: unknown) => bench.use(named(tools, name), input)

async function files(contents: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(contents)) {
    const path = join(bench.context.folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}

test('the command of a check comes from the kind of project, its own scripts first', () => {
  const checks = (names: string[], packageJson?: string, makefile?: string) => checksOf({ names, packageJson, makefile })
  const npm = checks(['package.json', 'package-lock.json'], '{"scripts":{"test":"node --test","lint":"y"}}')
  expect([npm.kind, npm.test[0]?.command, npm.lint[0]?.command]).toEqual(['npm', 'npm run test', 'npm run lint'])
  expect(npm.coverage[0]?.command).toBe('node --test --experimental-test-coverage')
  const unfinished = '{"scripts":{"test":"echo \\"Error: no test specified\\" && exit 1"}}'
  expect(checks(['package.json', 'package-lock.json'], unfinished).test).toEqual([])
  expect(checks(['package.json', 'bun.lock'], '{').test).toEqual([{ needs: ['bun'], command: 'bun test' }])
  expect(checks(['package.json', 'yarn.lock'], '{"scripts":{"test":"x"}}').test[0]?.command).toBe('yarn run test')
  expect(checks(['pyproject.toml']).test.map(way => way.command)).toEqual(['python3 -m pytest -q', 'python3 -m unittest'])
  expect(checks(['pyproject.toml', '.venv']).test[0]?.command).toBe('.venv/bin/python -m pytest -q')
  expect(checks(['Cargo.toml']).test[0]?.command).toBe('cargo test')
  expect(checks(['go.mod']).test[0]?.command).toBe('go test ./...')
  expect(checks(['Makefile'], undefined, 'test: build\n\techo x\n').test[0]?.command).toBe('make test')
  expect(checks(['index.html']).test).toEqual([])
})

test('tests are really run: passing, failing, and not there are three things', async () => {
  const bun = `${process.execPath} --no-env-file --config=/dev/null test`
  await files({ 'good/package.json': '{}', 'good/a.test.ts': "import { test } from 'bun:test'\ntest('works', () => {})\n" })
  expect(await use('test', { folder: 'good', command: bun })).toMatchObject({
    outcome: 'done',
    text: expect.stringContaining('1 pass'),
  })
  await files({ 'good/b.test.ts': "import { test } from 'bun:test'\ntest('breaks', () => { throw new Error('no bread') })\n" })
  expect(await use('test', { folder: 'good', command: bun })).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('no bread'),
  })
  await files({ 'page/index.html': '' })
  expect((await use('test', { folder: 'page' })).text).toBe(
    'this folder holds plain files, which have no tests: html_check looks at its pages',
  )
  expect((await use('lint', { folder: 'page', command: 'no-such-linter .' })).text).toContain('so nothing was checked')
})

test('a check takes what is installed, says what is not, and never takes no test at all for a pass', async () => {
  await files({ 'py/requirements.txt': '', 'py/check_nothing.py': '', 'deep/apps/shop/go.mod': 'module shop\n' })
  const python = await use('test', { folder: 'py', command: 'python3 -m unittest' })
  expect(python).toMatchObject({ outcome: 'failed' })
  await files({ 'py/test_a.py': 'import unittest\n\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n' })
  expect(await use('test', { folder: 'py', command: 'python3 -m unittest' })).toMatchObject({ outcome: 'done' })
  await files({ 'js/package.json': '{"devDependencies":{"eslint":"9"}}', 'js/package-lock.json': '{}' })
  expect((await use('lint', { folder: 'js' })).text).toMatch(/^unavailable: nothing is installed .*run npm install first$/)
  await files({ 'js/node_modules/.bin/eslint': '#!/bin/sh\necho "1 problem in $1"; exit 1\n' })
  await chmod(join(bench.context.folder, 'js/node_modules/.bin/eslint'), 0o755)
  expect(await use('lint', { folder: 'js' })).toMatchObject({
    outcome: 'failed',
    text: expect.stringContaining('1 problem in .'),
  })
  expect((await use('test', { folder: 'deep' })).text).toContain('there is apps/shop/go.mod, give its folder')
  expect(ranNothing('ok  \tshop\t0.1s\n?   \tshop/cmd\t[no test files]')).toBe(false)
  expect(ranNothing('?   \tshop\t[no test files]')).toBe(true)
  expect(ranNothing('# tests 0\n# pass 0')).toBe(true)
})

test('secrets are found by shape and by noise, and are not shown', async () => {
  const key = `AKIA${'ABCDEFGHIJKLMNOP'}`
  const noise = 'q8Zr2LxV7pTn4WbK'
  await files({
    's/a.env': `AWS=${key}\nDB_PASSWORD="${noise}"\n`,
    's/fine.ts':
      "const password = process.env.PASSWORD\nconst token = 'your-token-here-please'\nconst apiKey = 'aaaaaaaaaaaaaaaa'\n",
    's/url.txt': `postgres://ada:${noise}@db.example.com/x\n`,
    's/node_modules/x/a.env': `AWS=${key}\n`,
  })
  const { text, outcome } = await use('secret_scan', { folder: 's' })
  expect(outcome).toBe('failed')
  expect(text).toStartWith('3 findings in 3 files:')
  expect(text).toContain('a.env:1: an AWS access key: AKIA… (20 characters)')
  expect(text).not.toContain(key)
  expect(text).not.toContain(noise)
  expect((await use('secret_scan', { folder: 's/fine.ts' })).text).toBe('1 file, nothing that looks like a secret')
})

test('a page is checked for what a browser and a screen reader need, and for links that lead nowhere', async () => {
  await files({
    'w/index.html':
      '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Bread</title></head>' +
      '<body><main><h1>Bread</h1><a href="cake.html#top">Cake</a><a href="https://example.com/">Out</a><a href="mailto:a@b.c">Mail</a></main></body></html>',
    'w/cake.html':
      '<html><h1>a</h1><h1>b</h1><img src="cake.png"><p id="x"></p><p id="x"></p><a href="http://example.com/">x</a><!-- <img src="y"> -->',
  })
  const { text } = await use('html_check', { folder: 'w' })
  expect(text).not.toContain('index.html')
  for (const what of [
    '<!doctype html>',
    'no lang',
    'no <title>',
    'no viewport',
    'no <main>',
    'has 2 <h1>',
    'no alt',
    'id x is there twice',
    'without TLS',
  ])
    expect(text).toContain(what)
  expect(text).toContain('cake.html: cake.png is not there')
  expect(text).not.toContain('src="y"')
  await files({ 'plain/notes.txt': '' })
  expect((await use('html_check', { folder: 'plain' })).text).toContain('there is no HTML page')
})

test('a report is kept with its verdict first', async () => {
  await use('report', { name: 'bakery', verdict: 'not passed', text: 'The title is missing in index.html.' })
  expect(await readFile(join(bench.context.workspace, 'reports', 'bakery.md'), 'utf8')).toStartWith('# bakery: not passed\n')
})

test('a check asks for its command word for word, with the files it names where a person is asked', async () => {
  await files({ 'q/run.sh': 'echo hi\n' })
  const asking = { ...presets[1], run: { ...presets[1].run, ask: ['bash'] } }
  const tool = named(toolsOf('qa', asking), 'test')
  const [need] = await tool.needs(tool.input.parse({ folder: 'q', command: 'bash run.sh' }), bench.context)
  expect(need).toMatchObject({
    kind: 'run',
    argv: ['bash', '-c', 'bash run.sh'],
    files: [{ digest: expect.stringMatching(/^[0-9a-f]{64}$/) }],
  })
})

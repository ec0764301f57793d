import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { presets } from '../../desired-state/documents/presets.ts'
import { checksOf } from './checks.ts'
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
  const names = ['package.json', 'package-lock.json']
  expect(checksOf({ names, packageJson: '{"scripts":{"test":"x","lint":"y"}}' })).toMatchObject({
    kind: 'npm',
    test: 'npm run test',
    lint: 'npm run lint',
  })
  expect(checksOf({ names: ['package.json', 'bun.lock'], packageJson: '{' })).toMatchObject({
    kind: 'Bun',
    test: 'bun test',
    lint: undefined,
  })
  expect(checksOf({ names: ['pyproject.toml'], packageJson: undefined }).test).toBe('python3 -m pytest -q')
  expect(checksOf({ names: ['Cargo.toml'], packageJson: undefined }).test).toBe('cargo test')
  expect(checksOf({ names: ['go.mod'], packageJson: undefined }).test).toBe('go test ./...')
  expect(checksOf({ names: ['index.html'], packageJson: undefined }).test).toBeUndefined()
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
  expect((await use('test', { folder: 'page' })).text).toContain('plain files, which has no tests')
  expect((await use('lint', { folder: 'page', command: 'no-such-linter .' })).text).toContain('so nothing was checked')
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
  expect((await use('secret_scan', { folder: 's/fine.ts' })).text).toBe('1 files, nothing that looks like a secret')
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
  expect((await use('html_check', { folder: 's' })).text).toContain('there is no HTML page')
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

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Appliance, createAppliance } from './support/appliance.ts'
import { type Clone, openClone } from './support/clone.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let clone: Clone

beforeAll(async () => {
  appliance = await createAppliance({ bare: true })
  await appliance.start()
})
afterAll(() => appliance[Symbol.asyncDispose]())

const windows = ['supervisor', 'code', 'data', 'infra', 'research', 'qa', 'monitor', 'logs']

test('a fresh home comes up by itself: portal, first-admin code, six agents, no domains', async () => {
  const { resources, revision, desired } = await appliance.converged()
  expect(revision).toBe(desired)
  expect(resources.map(({ kind, key, state }) => `${state} ${kind}/${key}`)).toEqual(windows.map(name => `ready agent/${name}`))
  expect(await appliance.windows()).toEqual(windows)
  expect(appliance.printed()).toMatch(/First admin {2}[A-Z0-9]{4}(-[A-Z0-9]{4})+/)
  expect((await fetch(`http://127.0.0.1:${appliance.ports.portal}/`)).status).toBe(200)
  expect((await appliance.visit('unknown.example.com')).status).toBe(404)
})

test('the clone command is on a line of its own and works as it is printed', async () => {
  const line = appliance.printed().match(/^git clone .+$/m)?.[0] ?? ''
  const folder = join(appliance.home.root, 'ada')
  await mkdir(folder)
  const shell = Bun.spawn(['sh'], { cwd: folder, stdin: Buffer.from(`${line}\n`), stderr: 'pipe' })
  expect(await shell.exited, await new Response(shell.stderr).text()).toBe(0)
  clone = openClone(join(folder, 'desired-state'))
  expect(await clone.read('domains.yaml')).toContain('domains:')
})

test('a push shows its plan, then each change with its time, then the summary; and the site answers', async () => {
  const starter = await clone.read('domains.yaml')
  const { accepted, remote, revision } = await clone.deliver({
    'domains.yaml': starter.replace('# blog.example.com', 'blog.example.com'),
  })
  expect(accepted).toBe(true)
  const short = revision.slice(0, 8)
  expect(remote).toEqual([
    `plan for ${short}:`,
    '  + site  blog.example.com  serve www/blog',
    expect.stringMatching(/^ {2}\+ site blog\.example\.com created: serve www\/blog \(\d+ ms\)$/),
    expect.stringMatching(new RegExp(`^converged to ${short} in \\d+ ms: 1 created$`)),
  ])
  for (const host of ['blog.example.com', 'www.blog.example.com']) {
    const page = await appliance.visit(host)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('blog.example.com')
  }
  expect(await appliance.status()).toMatchObject({ revision, desired: revision, converged: true })
})

test('another branch is a free dry run: its plan is shown, and nothing of it happens', async () => {
  const before = await appliance.status()
  await clone.ask('checkout', '-q', '-b', 'idea')
  await clone.write({ 'domains.yaml': 'domains:\n  idea.example.com: { redirect: "https://blog.example.com" }\n' })
  await clone.commit()
  const { accepted, remote } = await clone.push('origin', 'idea')
  expect(accepted).toBe(true)
  expect(remote).toContain('  + site  idea.example.com  redirect to https://blog.example.com')
  expect(remote.at(-1)).toBe('a branch other than main is a dry run: nothing of it is carried out')
  expect(await appliance.status()).toEqual(before)
  expect((await appliance.visit('idea.example.com')).status).toBe(404)
  await clone.ask('checkout', '-q', '-')
})

test('a prompt is reloaded in place and a level needs a new process, and both say so', async () => {
  const before = (await appliance.panes()).get('qa')
  const prompt = await clone.deliver({ 'agents/qa.md': 'You look for what is weak.\n' })
  expect(prompt.remote.slice(1, -1)).toEqual([
    '  ~ agent qa  reload the prompt, without a restart',
    expect.stringMatching(/^ {2}~ agent qa updated: .+ \(\d+ ms\)$/),
  ])
  expect((await appliance.panes()).get('qa')).toBe(before ?? 0)
  const agents = await clone.read('agents.yaml')
  const level = await clone.deliver({ 'agents.yaml': agents.replace('level: 2', 'level: 1') })
  expect(level.remote[1]).toBe('  ± agent infra  replace its process for the new level, after what it is doing')
  expect(level.remote.at(-1)).toMatch(/^converged to .+: 1 replaced$/)
  expect(await appliance.windows()).toEqual(windows)
})

test('history names the author of each commit, and rollback restores an older state with a new commit', async () => {
  const history = await appliance.command('history')
  expect(history.out.split('\n')[0]).toContain('Ada')
  const target = await clone.ask('rev-parse', 'HEAD~3')
  const rolled = await appliance.command('rollback', target.slice(0, 8))
  expect({ code: rolled.code, out: rolled.out }).toEqual({ code: 1, out: expect.stringContaining('held') })
  const [, id = ''] = /approve ([0-9a-f]{12})/.exec(rolled.out) ?? []
  expect((await appliance.command('approve', id)).code).toBe(0)
  await appliance.converged()
  expect((await appliance.visit('blog.example.com')).status).toBe(404)
  await clone.reset()
  expect(await clone.ask('rev-parse', 'HEAD^{tree}')).toBe(await clone.ask('rev-parse', `${target}^{tree}`))
  expect(await clone.ask('log', '-1', '--format=%s')).toStartWith(`Roll back to ${target.slice(0, 8)}`)
  expect((await appliance.command('rollback', 'HEAD~1')).code).toBe(0)
  expect((await appliance.visit('blog.example.com')).status).toBe(200)
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let clone: Clone

const planted = () => join(appliance.home.root, 'planted')
const traps = (): Record<string, string> => ({
  'bunfig.toml': 'preload = ["./trap.ts"]\n[run]\npreload = ["./trap.ts"]\n',
  'trap.ts': `require('node:fs').appendFileSync(${JSON.stringify(planted())}, process.argv.join(' ') + '\\n')\n`,
  '.env': 'ANTHROPIC_BASE_URL=http://127.0.0.1:9\nANTHROPIC_API_KEY=sk-planted\nAI_INFRA_HOME=/nonexistent\n',
})
const plantIn = async (folder: string) => {
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(traps())) await writeFile(join(folder, name), text)
}

beforeAll(async () => {
  appliance = await createAppliance()
  const { root, repository, workspaces, www } = appliance.home
  for (const folder of [root, repository, join(workspaces, 'code'), join(workspaces, 'qa'), www]) await plantIn(folder)
  await appliance.start()
  await appliance.converged()
  clone = await appliance.clone()
}, 60_000)
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

test('a planted bunfig.toml or .env runs nothing and sets nothing: where the appliance starts, in workspaces, in the repository', async () => {
  await plantIn(clone.path)
  await writeFile(join(clone.path, 'any.ts'), '')
  expect(await Bun.spawn([process.execPath, 'any.ts'], { cwd: clone.path, stdout: 'ignore', stderr: 'ignore' }).exited).toBe(0)
  expect(await Bun.file(planted()).exists(), 'the trap works on a Bun that is not ours').toBe(true)
  await Bun.file(planted()).delete()

  const { accepted, remote } = await clone.deliver({ 'agents/qa.md': 'You look for what is weak.\n' })
  expect(accepted).toBe(true)
  expect(remote.at(-1)).toMatch(/^converged to .+: 1 updated$/)
  const before = (await appliance.panes()).get('code') ?? 0
  process.kill(before, 'SIGKILL')
  await until(
    'code is started again in its workspace',
    async () => ![undefined, before].includes((await appliance.panes()).get('code')),
  )
  await appliance.converged()
  expect((await appliance.command('status')).code).toBe(0)
  await appliance.end('SIGINT')
  await clone.deliver({ 'agents/qa.md': 'You look for what breaks.\n' })
  await appliance.start()
  await appliance.converged()

  expect(await Bun.file(planted()).exists()).toBe(false)
  expect((await appliance.resource('agent', 'code'))?.message).toContain('cannot answer yet: set ANTHROPIC_API_KEY')
})

test('an international domain is accepted and served by its punycode', async () => {
  const { remote } = await clone.deliver({ 'domains.yaml': 'domains:\n  bücher.example: { root: buecher }\n' })
  expect(remote).toContain('  + site  xn--bcher-kva.example  serve www/buecher')
  expect((await appliance.visit('xn--bcher-kva.example')).status).toBe(200)
})

test('a link in a web root that leaves it shows nothing of what is behind it', async () => {
  const root = join(appliance.home.www, 'buecher')
  await writeFile(join(appliance.home.keys, 'secret.txt'), 'a secret')
  await symlink(join(appliance.home.keys, 'secret.txt'), join(root, 'file.txt'))
  await symlink(appliance.home.keys, join(root, 'folder'))
  await symlink('/etc', join(root, 'etc'))
  for (const path of ['/file.txt', '/folder/secret.txt', '/etc/passwd']) {
    const answer = await appliance.visit('xn--bcher-kva.example', path)
    expect({ path, status: answer.status }).toEqual({ path, status: expect.any(Number) })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(await answer.text()).not.toContain('secret')
  }
  expect((await appliance.visit('xn--bcher-kva.example')).status).toBe(200)
})

test('an upstream name that does not resolve makes its own site wait and nothing else', async () => {
  const { accepted, remote } = await clone.deliver({
    'domains.yaml':
      'domains:\n  bücher.example: { root: buecher }\n  lost.example.com: { proxy: "http://nowhere.invalid:9000" }\n  fine.example.com: { root: fine }\n',
  })
  expect(accepted).toBe(true)
  expect(remote).toContainEqual(expect.stringMatching(/^ {2}waiting site lost\.example\.com: .*nowhere\.invalid/))
  expect((await appliance.visit('fine.example.com')).status).toBe(200)
  expect((await appliance.visit('lost.example.com')).status).toBeGreaterThanOrEqual(400)
  expect(await appliance.resource('site', 'lost.example.com')).toMatchObject({ state: 'waiting' })
  const waited = await appliance.command('wait', '--timeout', '1')
  expect(waited.code).toBe(1)
  expect(waited.out).toContain('nowhere.invalid')
})

test('.gitattributes that hides or rewrites a valid document changes nothing of what it declares', async () => {
  await clone.write({
    'domains.yaml':
      'domains:\n  bücher.example: { root: buecher }\n  fine.example.com: { root: fine }\n  plain.example.com: { root: plain }\n',
  })
  await clone.commit()
  await clone.write({ '.gitattributes': '*.yaml export-ignore export-subst ident\nagents/* export-ignore\n' })
  await clone.commit()
  const { accepted, revision } = await clone.push()
  expect(accepted).toBe(true)
  expect(await appliance.converged(revision)).toMatchObject({ revision })
  expect((await appliance.visit('plain.example.com')).status).toBe(200)
  expect(await appliance.windows()).toHaveLength(8)
})

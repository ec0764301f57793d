import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { admin, signIn } from '../bench/sign-in.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { until } from './support/until.ts'

setDefaultTimeout(180_000)

const password = 'a password that no file and no process may show'

let disk: string
let old: Appliance
let clone: Clone

beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), 'bd-'))
  old = await createAppliance()
  await old.start({ env: { AI_INFRA_SECRET_BACKUP_PASSWORD: password } })
  clone = await old.clone()
})
afterAll(async () => {
  await old?.[Symbol.asyncDispose]()
  await rm(disk, { recursive: true, force: true })
})

const repository = () => join(disk, 'repository')

test('a push that declares a backup begins it, and the first one is made, tried out and told of by itself', async () => {
  await signIn(old)
  await mkdir(join(old.home.www, 'shop'), { recursive: true })
  await writeFile(join(old.home.www, 'shop', 'index.html'), 'the old shop')
  await writeFile(join(old.home.memory, 'lesson.md'), 'never without a backup')
  const pushed = await clone.deliver({
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop }\n',
    'backups.yaml': `backups:\n  nightly: { repository: ${repository()}, password: "secret:BACKUP_PASSWORD" }\n`,
  })
  expect(pushed.shown).toContain(`+ backup nightly created: keep backups in ${repository()}`)
  const made = await old.command('wait', '--timeout', '120')
  expect(made.out + made.error).toContain('is as')
  await until(
    'a restore is proven',
    async () => (await old.resource('backup', 'nightly'))?.message.includes('proven') === true,
    120_000,
  )
  const listed = await old.command('backup', 'list', 'nightly')
  expect(listed.out.trim().split('\n')).toHaveLength(2)
})

test('a fresh machine with the repository and its password becomes the old appliance in one command', async () => {
  const before = await old.status()
  await old.end('SIGTERM')
  const machine = await mkdtemp(join(tmpdir(), 'ai-'))
  await using fresh = await createAppliance({ root: machine })
  const restored = await fresh.command('backup', 'restore', '--repository', repository()).catch(error => error)
  expect(restored.error).toContain('no password came on standing input')
  const done = await fresh.commandWith(password, 'backup', 'restore', '--repository', repository())
  expect(done.error).toBe('')
  expect(done.out).toContain('AI_INFRA_SECRET_BACKUP_PASSWORD')
  await fresh.start({ env: { AI_INFRA_SECRET_BACKUP_PASSWORD: password } })
  const after = await fresh.converged()
  expect(after.desired).toBe(before.desired)
  expect(await (await fresh.visit('shop.example.com')).text()).toBe('the old shop')
  expect(await readFile(join(fresh.home.memory, 'lesson.md'), 'utf8')).toBe('never without a backup')
  const origin = `http://127.0.0.1:${fresh.ports.portal}`
  const { email, password: word } = admin
  const signedIn = await fetch(`${origin}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin },
    body: new URLSearchParams({ email, password: word }),
  })
  expect(signedIn.status).toBe(303)
  expect((await fresh.command('audit', 'verify')).out).toContain('The audit is whole')
  await rm(machine, { recursive: true, force: true })
})

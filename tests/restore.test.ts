import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { z } from 'zod'
import { type ModelServer, startModelServer } from '../agents/testing/model-server.ts'
import { say } from '../agents/testing/steps.ts'
import { admin, signIn } from '../bench/sign-in.ts'
import { placeReadyRepository } from '../reconcilers/backups/testing/ready-repository.ts'
import { password } from '../reconcilers/backups/testing/room-over.ts'
import { type Appliance, createAppliance, program } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { until } from './support/until.ts'

setDefaultTimeout(180_000)

let disk: string
let old: Appliance
let clone: Clone
let model: ModelServer

beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), 'bd-'))
  await placeReadyRepository(repository())
  model = startModelServer()
  old = await createAppliance()
  await old.start({ env: { AI_INFRA_SECRET_IN_THE_ENVIRONMENT: 'not in any backup' } })
  clone = await old.clone()
})
afterAll(async () => {
  await old?.[Symbol.asyncDispose]()
  await model?.stop()
  await rm(disk, { recursive: true, force: true })
})

const repository = () => join(disk, 'repository')

/** Of the certificate that serves a name. */
async function fingerprint(appliance: Appliance, servername: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ host: '127.0.0.1', port: appliance.ports.https, servername, rejectUnauthorized: false })
  socket.once('secureConnect', () => resolve(socket.getPeerCertificate().fingerprint256)).once('error', reject)
  const found = await promise
  socket.destroy()
  return found
}

const tasks = z.array(z.object({ id: z.string(), name: z.string(), state: z.string() }))
async function askTasks(appliance: Appliance, body?: object) {
  const asked = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch('http://appliance/api/tasks', { unix: appliance.home.apiSocket, headers, ...asked })
  return tasks.parse(await answer.json())
}

test('a push that declares a backup begins it, and the first one is made, tried out and told of by itself', async () => {
  await signIn(old)
  expect((await old.commandWith(password, 'secret', 'set', 'BACKUP_PASSWORD')).code).toBe(0)
  await mkdir(join(old.home.www, 'shop'), { recursive: true })
  await writeFile(join(old.home.www, 'shop', 'index.html'), 'the old shop')
  await writeFile(join(old.home.memory, 'lesson.md'), 'never without a backup')
  const [submitted] = await askTasks(old, { tasks: [{ name: 'greet', agent: 'code', description: 'Say hello.' }] })
  expect(submitted?.name).toBe('greet')
  const pushed = await clone.deliver({
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop }\n  safe.example.com: { root: safe, tls: self-signed }\n',
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

test('a fresh machine with the repository and its password becomes the old appliance in one command, also after each kill -9 of that command', async () => {
  const before = await old.status()
  const served = await fingerprint(old, 'safe.example.com')
  await old.end('SIGTERM')
  const machine = await mkdtemp(join(tmpdir(), 'ai-'))
  await using fresh = await createAppliance({ root: machine })
  const restored = await fresh.command('backup', 'restore', '--repository', repository()).catch(error => error)
  expect(restored.error).toContain('no password came on standing input')

  const killed = join(program, 'tests', 'support', 'restore-killed-at.ts')
  // The other steps are the same as of a restore beside the appliance, and it dies there at each of them.
  const steps = ['restored-files', 'loaded', 'whole', 'moved', 'moved']
  for (const step of steps) {
    const bun = [process.execPath, '--no-env-file', '--config=/dev/null', killed, repository(), password, machine, step]
    const child = Bun.spawn(bun, { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' })
    await child.exited
    expect([step, child.signalCode]).toEqual([step, 'SIGKILL'])
  }
  expect((await fresh.command('up')).error).toContain('not all of it is in place')

  const done = await fresh.commandWith(password, 'backup', 'restore', '--repository', repository())
  expect(done.error).toBe('')
  expect(done.out).toContain('AI_INFRA_SECRET_IN_THE_ENVIRONMENT')
  model.script({ code: () => say('Hello.') })
  await fresh.start({ env: { ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: model.url } })
  const after = await fresh.converged()
  expect(after.desired).toBe(before.desired)
  expect(await (await fresh.visit('shop.example.com')).text()).toBe('the old shop')
  expect(await fingerprint(fresh, 'safe.example.com')).toBe(served)
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
  // The task that was open is done now, and the password of the backup is read out of the secrets that came with it.
  await until('the task goes on', async () =>
    (await askTasks(fresh)).some(({ name, state }) => name === 'greet' && state === 'completed'),
  )
  expect(await fresh.command('backup', 'run', 'nightly')).toMatchObject({ code: 0, error: '' })
  await rm(machine, { recursive: true, force: true })
})

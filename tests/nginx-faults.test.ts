import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { appendFile, chmod, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Appliance, startedAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'
import { visitSteadily } from './support/steady-visitor.ts'
import { until } from './support/until.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let clone: Clone

beforeAll(async () => {
  appliance = await startedAppliance()
  clone = await appliance.clone()
  const { revision } = await clone.deliver({
    'settings.yaml': 'look_interval_seconds: 5\n',
    'domains.yaml': `domains:\n${['a', 'b', 'c'].map(name => `  ${name}.example.com: { root: ${name} }\n`).join('')}`,
  })
  await appliance.converged(revision)
}, 60_000)
afterAll(() => appliance[Symbol.asyncDispose](), 60_000)

const nginx = (...parts: string[]) => join(appliance.home.nginx, ...parts)
const siteFile = async (host: string) => {
  const name = (await readdir(nginx('sites'))).find(file => file.startsWith(host))
  return nginx('sites', name ?? 'missing')
}
const add = async (name: string, entry = `{ root: ${name} }`) =>
  clone.deliver({ 'domains.yaml': `${await clone.read('domains.yaml')}  ${name}.example.com: ${entry}\n` })
const expectServed = async (...names: string[]) => {
  const answers = await Promise.all(names.map(async name => (await appliance.visit(`${name}.example.com`)).status))
  expect(answers).toEqual(names.map(() => 200))
}
/** Until the next nginx has started from what is there. */
async function killNginx(): Promise<void> {
  const nginxNow = async () => (await appliance.services()).find(({ name }) => name === 'nginx')
  const pid = (await nginxNow())?.pid ?? 0
  process.kill(pid, 'SIGKILL')
  await until('nginx is ready again', async () => {
    const now = await nginxNow()
    return now?.state === 'ready' && now.pid !== pid
  })
}

/** The events say it with its time, and the run that it was no commit which did it. */
async function expectHealed(host: string, what: string): Promise<void> {
  const line = new RegExp(`^\\d{4}-\\S+ \\S+ {2}~ site ${host} updated: ${what} \\(\\d+ ms\\)$`, 'm')
  await until(`${host}: ${what}`, async () => line.test(await appliance.events()))
  expect((await appliance.runs('site', host))[0]).toMatchObject({ trigger: 'drift', outcome: 'verified', summary: what })
}

test("nginx's files edited or deleted by hand are put back, the runs say what happened, and no visitor notices", async () => {
  const leave = visitSteadily(appliance, 'c.example.com')
  await appendFile(await siteFile('a.example.com'), '# tuned by hand\n')
  await rm(await siteFile('b.example.com'))
  await expectHealed('a.example.com', 'put back a.example.com: its file was edited by hand')
  await expectHealed('b.example.com', 'put back b.example.com: its file was deleted')
  await rm(nginx('current'))
  await expectHealed('a.example.com', "put back nginx's configuration: the link nginx/current was gone")
  await expectServed('a', 'b', 'c')
  expect(await leave()).toMatchObject({ failures: [] })
})

test('a site that nginx refuses is left out alone: the others change, and nginx starts cold at any moment', async () => {
  const secure = await add('secure', '{ root: secure, tls: self-signed }')
  await appliance.converged(secure.revision)
  const keys = (await readdir(nginx('certificates'), { recursive: true })).filter(path => path.endsWith('.pem'))
  expect(keys.length).toBeGreaterThan(0)
  for (const key of keys) await chmod(nginx('certificates', key), 0)
  try {
    const { accepted } = await add('next')
    expect(accepted).toBe(true)
    await expectServed('a', 'b', 'c', 'next')
    await killNginx()
    await expectServed('a', 'b', 'c', 'next')
    expect((await appliance.resource('site', 'secure.example.com'))?.state).not.toBe('ready')
  } finally {
    for (const key of keys) await chmod(nginx('certificates', key), 0o600).catch(() => {})
  }
  await until('the site is ready again', async () => (await appliance.resource('site', 'secure.example.com'))?.state === 'ready')
})

test('while the files of nginx cannot be read at all a push ends and says so, what was served is served, and it heals', async () => {
  const leave = visitSteadily(appliance, 'a.example.com')
  const bundle = nginx('sites')
  await rename(bundle, `${bundle}.away`)
  await writeFile(bundle, 'a file where a folder has to be')
  const { accepted, remote } = await add('late')
  expect(accepted).toBe(true)
  expect(remote).toContainEqual(expect.stringMatching(/is accepted, and not all of it is reached yet:$/))
  expect(remote).toContainEqual(expect.stringMatching(/^ {2}waiting site a\.example\.com, .* more: ENOTDIR/))
  await expectServed('a', 'b', 'c')
  await rm(bundle)
  await rename(`${bundle}.away`, bundle)
  await until('the site is ready', async () => (await appliance.resource('site', 'late.example.com'))?.state === 'ready')
  await expectServed('late')
  expect(await leave()).toMatchObject({ failures: [] })
})

test('nginx starts cold whatever a crash left of its files, and serves what it served', async () => {
  const damages = [
    () => rm(nginx('current')),
    () => truncate(nginx('current', 'sites.conf')),
    () => truncate(nginx('current', 'nginx.conf'), 100),
  ]
  for (const damage of damages) {
    await damage()
    await killNginx()
    await expectServed('a', 'b', 'c', 'next')
  }
})

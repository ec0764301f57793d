import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchArguments, pushArguments, type Remote } from '../../desired-state/git/remote.ts'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { tokenEnvironment } from './remote.ts'
import { createRigs, declared, git, push, type Rigs, site } from './testing/rig.ts'
import { startSshServer } from './testing/ssh-server.ts'

setDefaultTimeout(120_000)

let postgres: TestStore
let rigs: Rigs
beforeAll(async () => {
  postgres = await startTestStore()
  rigs = await createRigs(postgres.store)
}, 60_000)
afterAll(async () => {
  await rigs[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
}, 60_000)

const http: Remote = { url: 'https://github.com/me/config.git', transport: 'http', env: {} }

test('no command of Git has a secret in its arguments, forces anything, or runs what belongs to the other side', () => {
  const fetching = fetchArguments(http, 'refs/heads/main')
  expect(fetching.slice(0, 3)).toEqual(['prlimit', '--fsize=67108864', '--data=1073741824'])
  for (const guard of ['core.hooksPath=/dev/null', 'http.followRedirects=false', 'fetch.fsckObjects=true', 'credential.helper='])
    expect(fetching).toContain(guard)
  expect(fetching.slice(-3)).toEqual(['--', http.url, 'refs/heads/main'])
  const move = { from: 'a'.repeat(40), to: 'b'.repeat(40), branch: 'main' }
  const pushing = pushArguments(http, move)
  expect(pushing.slice(0, 2)).toEqual(['prlimit', '--data=1073741824'])
  expect(pushing).toContain(`--force-with-lease=refs/heads/main:${move.from}`)
  expect(pushing.slice(-3)).toEqual(['--', http.url, `${move.to}:refs/heads/main`])
  expect(pushing).not.toContain('--force')
  expect(pushArguments({ ...http, url: '/srv/x.git', transport: 'path' }, move)).toContain(
    '--receive-pack=git -c core.hooksPath=/dev/null receive-pack',
  )
})

test('a token is for its own host alone', () => {
  expect(tokenEnvironment(http.url, 'me', 'x')).toEqual({
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'http.https://github.com/.extraHeader',
    GIT_CONFIG_VALUE_0: 'Authorization: Basic bWU6eA==',
  })
})

test('a repository over ssh is fetched and pushed with its key and its pinned host key, and neither stays on the disk', async () => {
  const secrets: Record<string, string> = {}
  await using it = await rigs.open({ secrets })
  await using server = await startSshServer(join(it.folder, 'ssh'))
  secrets.KEY = server.key
  const ssh = { key: 'secret:KEY', known_hosts: [server.hostKey] }
  await it.commit({ 'domains.yaml': site('ours') })
  await it.mirror.follow(declared(server.url(it.upstream), ssh))
  await it.mirror.look()
  expect(it.records.current()?.problem).toBeUndefined()
  await push(it.mirror)
  const revision = await it.there({ 'domains.yaml': site('theirs') })
  await it.mirror.look()
  expect(await it.head()).toBe(revision)
  expect(await readdir(it.home.run)).toEqual([])

  const other = server.hostKey.replace(/\S+$/, 'AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
  await it.mirror.follow(declared(server.url(it.upstream), { ...ssh, known_hosts: [other] }))
  await it.mirror.look()
  expect(it.records.current()?.problem).toMatchObject({ reason: 'away', state: 'waiting' })
  expect(it.records.current()?.problem?.message).toContain('the server has another host key than known_hosts says')
})

test('an upstream that is slow is given up in time, and what is here stays in force', async () => {
  await using it = await rigs.open()
  const silent = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Promise<Response>(() => {}) })
  const house = await it.again({ patience: 1_000 })
  const before = await it.head()
  await house.mirror.follow(declared(`http://127.0.0.1:${silent.port}/me/config.git`))
  await house.mirror.look()
  const problem = house.records.current()?.problem
  expect(problem).toMatchObject({ reason: 'away', state: 'waiting' })
  expect(problem?.message).toStartWith(
    'git fetch was not done within 1 s (is the server there well, and the way to it?); it is tried',
  )
  expect([await it.head(), await it.leftovers()]).toEqual([before, []])
  const remote: Remote = { url: `http://127.0.0.1:${silent.port}/me/config.git`, transport: 'http', env: {} }
  const options = { timeout: 300, signal: new AbortController().signal }
  await expect(house.exchange.head(remote, 'main', options)).rejects.toThrow('git ls-remote was not done within 0.3 s')
  await silent.stop(true)
})

test('an upstream that leads elsewhere is not followed there, and neither is the token', async () => {
  await using it = await rigs.open({ secrets: { TOKEN: 'a-token' } })
  const met: (string | null)[] = []
  const elsewhere = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      met.push(request.headers.get('authorization'))
      return new Response('', { status: 404 })
    },
  })
  const leading = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: request => Response.redirect(request.url.replace(/:\d+/, `:${elsewhere.port}`), 301),
  })
  await it.mirror.follow(declared(`http://127.0.0.1:${leading.port}/me/config.git`, { token: 'secret:TOKEN' }))
  await it.mirror.look()
  expect(it.records.current()?.problem?.reason).toBe('away')
  expect(met).toEqual([])
  await Promise.all([leading.stop(true), elsewhere.stop(true)])
})

test('hooks of a repository on this machine do not run when it is pushed to', async () => {
  await using it = await rigs.open()
  const witness = join(it.folder, 'witness')
  for (const hook of ['pre-receive', 'update', 'post-receive', 'reference-transaction'])
    await Bun.write(join(it.upstream, 'hooks', hook), `#!/bin/sh\ntouch '${witness}'\n`, { mode: 0o755 })
  await git(it.upstream, 'config', 'core.hooksPath', join(it.upstream, 'hooks'))
  await it.commit({ 'domains.yaml': site('ours') })
  await it.mirror.follow(declared(it.upstream))
  await it.mirror.look()
  await push(it.mirror)
  expect(await it.headThere()).toBe(await it.head())
  expect(await Bun.file(witness).exists()).toBe(false)
})

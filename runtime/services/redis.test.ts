import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDirectory } from '../os/files.ts'
import { type Home, homeAt } from '../os/home.ts'
import { openRedis } from './probes.ts'
import { ownRedis, redisService } from './redis.ts'
import { redisPassword } from './redis-password.ts'

let home: Home
let server: Bun.Subprocess

beforeAll(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'ai-')))
  await makeDirectory(home.run)
  const service = redisService(home)
  await service.prepare()
  server = Bun.spawn([...service.argv], { cwd: service.cwd, env: service.env, stdout: 'ignore', stderr: 'ignore' })
  const deadline = AbortSignal.timeout(10_000)
  while (!(await service.ready(deadline))) deadline.throwIfAborted()
})
afterAll(async () => {
  server.kill('SIGKILL')
  await server.exited
  await rm(home.root, { recursive: true, force: true })
})

const quick = { maxRetriesPerRequest: 0, retryStrategy: () => null, lazyConnect: true } as const

test('nobody does anything in Redis without its password', async () => {
  for (const address of [{ socket: home.redisSocket }, { socket: home.redisSocket, password: 'guessed' }]) {
    const stranger = openRedis(address, quick)
    stranger.on('error', () => {})
    for (const command of [['PING'], ['CONFIG', 'GET', 'requirepass'], ['ACL', 'LIST'], ['FLUSHALL']]) {
      const [name = '', ...words] = command
      await expect(stranger.call(name, ...words)).rejects.toThrow(/NOAUTH|WRONGPASS|Connection is closed/)
    }
    stranger.disconnect()
  }
  const owner = openRedis(await ownRedis(home), quick)
  expect(await owner.ping()).toBe('PONG')
  owner.disconnect()
})

test('the password stands in files of their owner alone, and in no list of processes', async () => {
  const password = await redisPassword(home)
  expect(password.length).toBeGreaterThanOrEqual(40)
  for (const path of [join(home.keys, 'redis-password'), join(home.redisData, 'redis.conf')]) {
    expect(await readFile(path, 'utf8')).toContain(password)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  }
  expect(await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(password)
  expect(await readFile(`/proc/${server.pid}/environ`, 'utf8')).not.toContain(password)
})

test('all who ask first at once get the same password', async () => {
  const keys = join(home.root, 'other-keys')
  const passwords = await Promise.all(Array.from({ length: 8 }, () => redisPassword({ keys })))
  expect(new Set(passwords).size).toBe(1)
})

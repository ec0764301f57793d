import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { makeDirectory } from '../os/files.ts'
import { type Home, homeAt } from '../os/home.ts'
import { silentLog } from '../os/log.ts'
import { ownRedis, redisService } from '../services/redis.ts'
import { consumerGroup, inboxOf, type Message } from './envelope.ts'
import { createInboxes, type Inboxes } from './inboxes.ts'

let home: Home
let server: Bun.Subprocess

beforeAll(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'ai-')))
  await makeDirectory(home.run)
  await makeDirectory(home.logs)
  const service = redisService(home)
  await service.prepare()
  server = Bun.spawn([...service.argv], { cwd: service.cwd, env: service.env, stdout: 'ignore', stderr: 'ignore' })
  const deadline = AbortSignal.timeout(60_000)
  while (!(await service.ready(deadline))) deadline.throwIfAborted()
})
afterAll(async () => {
  server.kill('SIGKILL')
  await server.exited
  await rm(home.root, { recursive: true, force: true })
})

const [a, b] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'] as const
const question = (id: string): Message => ({
  ...{
    id,
    timestamp: '2026-11-22T12:00:00.000Z',
    source: 'person:ada',
    target: 'code',
    type: 'query',
    priority: 5,
    payload: {},
    pai: {},
  },
})

async function opened(prefix: string): Promise<Inboxes> {
  const connected = Promise.withResolvers<void>()
  const inboxes = createInboxes({ address: { ...(await ownRedis(home)), prefix }, log: silentLog, connected: connected.resolve })
  await connected.promise
  await inboxes.open('code')
  return inboxes
}

test('two appliances on one Redis have agents, inboxes and passwords of their own', async () => {
  const [one, two] = [await opened('one:'), await opened('two:')]
  await one.put(question(a))
  await two.put(question(b))
  expect([...(await one.look('code')).messages]).toEqual([a])
  for (const [prefix, inboxes] of [
    ['one:', one],
    ['two:', two],
  ] as const) {
    const options = { ...inboxes.credential('code'), enableReadyCheck: false, disableClientInfo: true }
    const agent = new Redis({ path: home.redisSocket, ...options })
    const read = (stream: string) => agent.xreadgroup('GROUP', consumerGroup, 'code', 'COUNT', 9, 'STREAMS', stream, '>')
    expect(JSON.stringify(await read(inboxOf(prefix, 'code')))).toContain(prefix === 'one:' ? a : b)
    await expect(read(inboxOf(prefix === 'one:' ? 'two:' : 'one:', 'code'))).rejects.toThrow('NOPERM')
    agent.disconnect()
  }
  await one.close('code')
  expect([...(await two.look('code')).messages]).toEqual([b])
  await one.stop()
  await two.stop()
})

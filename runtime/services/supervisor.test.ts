import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Home } from '../os/home.ts'
import { isAlive, listProcesses, processFacts, workingFolder } from '../os/process.ts'
import { openStore } from '../store/store.ts'
import { placeReadyMadeDatabase } from '../store/testing/ready-made.ts'
import { postgresService } from './postgres.ts'
import { findPostgres } from './postgres-program.ts'
import { redisService } from './redis.ts'
import type { Service } from './service.ts'
import { createSupervisor, type Supervisor } from './supervisor.ts'
import { eventually, processesOf, temporaryHome } from './testing/home.ts'

setDefaultTimeout(60_000)

let home: Home
let remove: () => Promise<void>
const running: Supervisor[] = []
const scripts: Bun.Subprocess[] = []

beforeEach(async () => {
  const made = await temporaryHome()
  home = made.home
  remove = made.remove
})

afterEach(async () => {
  for (const script of scripts.splice(0)) script.kill('SIGKILL')
  for (const supervisor of running.splice(0)) await supervisor.stop()
  const leftover = createSupervisor({ home, services: await both() })
  if (processesOf(home).length > 0) await leftover.start()
  await leftover.stop()
  await remove()
})

const both = async () => [postgresService(home, await findPostgres(home)), redisService(home)]

function supervise(services: readonly Service[]): Supervisor {
  const supervisor = createSupervisor({ home, services })
  running.push(supervisor)
  return supervisor
}

async function up(services?: readonly Service[]): Promise<Supervisor> {
  const supervisor = supervise(services ?? (await both()))
  await supervisor.start()
  return supervisor
}

const pidOf = (supervisor: Supervisor, name: Service['name']) => {
  const pid = supervisor.status().find(one => one.name === name)?.pid
  if (pid === undefined) throw new Error(`${name} has no pid`)
  return pid
}

const states = (supervisor: Supervisor) => supervisor.status().map(one => one.state)

/** The supervisor of testing/up.ts as a process of its own. */
async function upAsProcess(): Promise<{ script: Bun.Subprocess; pids: number[] }> {
  await placeReadyMadeDatabase(home)
  const script = Bun.spawn(['bun', join(import.meta.dir, 'testing', 'up.ts'), home.root], { stdout: 'pipe', stderr: 'ignore' })
  scripts.push(script)
  for await (const chunk of script.stdout) {
    const pids: unknown = JSON.parse(new TextDecoder().decode(chunk).replace('ready ', ''))
    if (Array.isArray(pids)) return { script, pids: pids.map(Number) }
  }
  throw new Error('it ended before it was ready')
}

test('the first start makes a database of our own, and stopping leaves no process', async () => {
  const supervisor = await up()
  expect(states(supervisor)).toEqual(['ready', 'ready'])
  const store = openStore({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' })
  const [row] = await store`
    SELECT current_user AS role, pg_encoding_to_char(encoding) AS encoding, datcollate, current_setting('data_checksums') AS checksums,
      current_setting('listen_addresses') AS tcp, current_setting('fsync') AS fsync,
      (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser
    FROM pg_database WHERE datname = current_database()`
  await store.end()
  expect({ ...row }).toEqual({
    role: 'ai_infra',
    encoding: 'UTF8',
    datcollate: 'C.UTF-8',
    checksums: 'on',
    tcp: '',
    fsync: 'on',
    superuser: false,
  })
  await supervisor.stop()
  expect(states(supervisor)).toEqual(['stopped', 'stopped'])
  expect(processesOf(home)).toEqual([])
  expect(listProcesses().filter(one => workingFolder(one.pid)?.startsWith(home.root))).toEqual([])
})

test('a killed Postgres and a killed Redis come back, and what was committed is there', async () => {
  await placeReadyMadeDatabase(home)
  const supervisor = await up()
  const address = { socketFolder: home.postgresSockets, database: 'ai_infrastructure' }
  const before = openStore(address)
  await before`CREATE TABLE kept AS SELECT 7 AS seven`
  const pids = [pidOf(supervisor, 'postgres'), pidOf(supervisor, 'redis')]
  const said: string[] = []
  supervisor.subscribe(status => said.push(`${status.name} ${status.state}: ${status.message}`))
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await eventually('both are ready again', () =>
    supervisor.status().every(one => one.state === 'ready' && one.pid !== undefined && !pids.includes(one.pid)),
  )
  expect(said.join('\n')).toContain('redis restarting: redis was killed by SIGKILL')
  await before.end({ timeout: 0 })
  const after = openStore(address)
  expect((await after`SELECT seven FROM kept`)[0]?.seven).toBe(7)
  await after.end()
})

test('after a kill -9 of the runtime the next one adopts what runs, watches it, and can stop it', async () => {
  const { script, pids } = await upAsProcess()
  script.kill('SIGKILL')
  await script.exited
  const supervisor = await up()
  expect(supervisor.status().map(one => one.pid)).toEqual(pids)
  expect(processesOf(home)).toEqual(['postgres', 'redis-server'])
  process.kill(pids[1] ?? 0, 'SIGKILL')
  await eventually(
    'the adopted Redis is replaced',
    () => states(supervisor)[1] === 'ready' && pidOf(supervisor, 'redis') !== pids[1],
  )
  await supervisor.stop()
  expect(processesOf(home)).toEqual([])
})

test('a kill -9 between the start of a service and its record doubles nothing', async () => {
  const { script, pids } = await upAsProcess()
  script.kill('SIGKILL')
  await script.exited
  for (const name of await readdir(home.run)) if (name.endsWith('.process.json')) await rm(join(home.run, name))
  const supervisor = await up()
  expect(supervisor.status().map(one => one.pid)).toEqual(pids)
  expect(processesOf(home)).toEqual(['postgres', 'redis-server'])
})

test('SIGTERM to the runtime ends everything that it started', async () => {
  const { script, pids } = await upAsProcess()
  script.kill('SIGTERM')
  expect(await script.exited).toBe(0)
  expect(pids.map(processFacts)).toEqual([undefined, undefined])
})

test('a record whose pid belongs to another process by now is ignored', async () => {
  const stranger = Bun.spawn(['sleep', '60'])
  scripts.push(stranger)
  const redis = redisService(home)
  const first = await up([redis])
  const path = join(home.run, 'redis.process.json')
  const earlier = (processFacts(stranger.pid)?.start ?? 0) - 1
  const record = { ...(await Bun.file(path).json()), pid: stranger.pid, start: earlier }
  await first.stop()
  await Bun.write(path, JSON.stringify(record))
  const second = await up([redis])
  expect(pidOf(second, 'redis')).not.toBe(stranger.pid)
  expect(processFacts(stranger.pid)?.name).toBe('sleep')
})

test('a changed description replaces the running process', async () => {
  const redis = redisService(home)
  const first = await up([redis])
  const facts = processFacts(pidOf(first, 'redis'))
  const second = await up([{ ...redis, argv: [...redis.argv, '--maxclients', '128'] }])
  expect(states(second)).toEqual(['ready'])
  expect(facts !== undefined && isAlive(facts)).toBe(false)
  await first.stop()
})

test('a socket or port that a stranger has is named with its program, and the others go on', async () => {
  const stranger = Bun.listen({ hostname: '0.0.0.0', port: 0, socket: { data() {} } })
  const nginx: Service = {
    name: 'nginx',
    argv: ['sleep', '60'],
    env: {},
    cwd: '/',
    listens: [{ port: stranger.port, hint: 'stop it, or set AI_INFRA_HTTP_PORT' }],
    prepare: () => Promise.resolve(),
    ready: () => Promise.resolve(true),
    stopSignal: 'SIGTERM',
    stopTimeout: 1_000,
  }
  const supervisor = await up([redisService(home), nginx])
  expect(states(supervisor)[0]).toBe('ready')
  const words = `port ${stranger.port} is taken by bun (pid ${process.pid}) (stop it, or set AI_INFRA_HTTP_PORT)`
  await eventually('the status says who has the port', () => supervisor.status()[1]?.message === words)
  stranger.stop(true)
  await eventually('it starts once the port is free', () => states(supervisor)[1] === 'ready')
})

test('a program that cannot start says why, in its own words', async () => {
  const redis = redisService(home)
  const supervisor = await up([{ ...redis, argv: [...redis.argv, '--no-such-setting', 'x'] }])
  const { state, message } = supervisor.status()[0] ?? {}
  expect(['restarting', 'starting']).toContain(state ?? '')
  expect(message).toContain('redis ended with status 1')
  expect(message).toContain('Bad directive')
})

test('restart replaces the process and returns when the new one answers', async () => {
  const supervisor = await up([redisService(home)])
  const before = pidOf(supervisor, 'redis')
  await supervisor.restart('redis')
  expect(states(supervisor)).toEqual(['ready'])
  expect(pidOf(supervisor, 'redis')).not.toBe(before)
})

test('whatever a service left running is ended with it', async () => {
  const redis = redisService(home)
  const daemonise = ['bash', '-c', 'trap "" HUP; (trap "" TERM; setsid sleep 60 & sleep 60) & exec sleep 60']
  const shell: Service = { ...redis, name: 'tmux', argv: daemonise, listens: [], ready: () => Promise.resolve(true) }
  const supervisor = await up([{ ...shell, prepare: () => Promise.resolve() }])
  const mine = () => listProcesses().filter(one => one.name === 'sleep' && workingFolder(one.pid) === home.root)
  await eventually('all three run', () => mine().length === 3)
  await supervisor.stop()
  expect(mine()).toEqual([])
})

test('an outside server is probed and never started', async () => {
  let answers = false
  const outside = { name: 'redis', kind: 'outside', ready: async () => answers, silence: 'REDIS_URL does not answer' } as const
  const supervisor = createSupervisor({ home, services: [], outside: [outside] })
  running.push(supervisor)
  const started = supervisor.start()
  await eventually('it says so', () => supervisor.status()[0]?.message === 'REDIS_URL does not answer')
  answers = true
  await started
  expect(supervisor.status()).toMatchObject([{ state: 'outside', message: '', pid: undefined }])
  await expect(supervisor.restart('redis')).rejects.toThrow('not run by the appliance')
})

test('under systemd nothing is started, and the status tells what the unit does', async () => {
  const own = await up([redisService(home)])
  const supervisor = createSupervisor({ home, services: [redisService(home)], mode: 'systemd' })
  running.push(supervisor)
  await supervisor.start()
  expect(states(supervisor)).toEqual(['ready'])
  expect(processesOf(home)).toEqual(['redis-server'])
  await supervisor.stop()
  expect(states(own)).toEqual(['ready'])
})

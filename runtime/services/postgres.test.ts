import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { chmod, mkdir, mkdtemp, readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../os/home.ts'
import { type Spawn, spawn } from '../os/spawn.ts'
import { placeReadyMadeDatabase } from '../store/testing/ready-made.ts'
import { postgresArguments, postgresService } from './postgres.ts'
import { initialiseArguments } from './postgres-data.ts'
import { findPostgres, type PostgresProgram } from './postgres-program.ts'
import { createSupervisor } from './supervisor.ts'
import { eventually, temporaryHome } from './testing/home.ts'

setDefaultTimeout(60_000)

let home: Home
let remove: () => Promise<void>
let program: PostgresProgram

beforeEach(async () => {
  const made = await temporaryHome()
  home = made.home
  remove = made.remove
  program = await findPostgres(home)
})

afterEach(() => remove())

async function startAndStop(): Promise<string | undefined> {
  const supervisor = createSupervisor({ home, services: [postgresService(home, program)] })
  await supervisor.start()
  const state = supervisor.status()[0]?.state
  await supervisor.stop()
  return state
}

/** Runs commands until the one of that kind, which is killed as soon as it has begun to write, or right after it ended. */
function killedAt(step: 'initialise' | 'sync'): Spawn {
  return async (argv, options) => {
    const kind = argv[0] === 'sync' ? 'sync' : argv[0]?.endsWith('initdb') ? 'initialise' : 'other'
    const folder = argv[argv.indexOf('-D') + 1] ?? ''
    const kill = new AbortController()
    const result = spawn(argv, { ...options, signal: kill.signal })
    if (kind !== step) return result
    if (kind === 'initialise') {
      await eventually('initdb writes', () => Bun.file(join(folder, 'global', 'pg_control')).exists(), 30_000)
      kill.abort()
    }
    await result
    throw new Error('killed')
  }
}

test('a kill during the first start leaves nothing in the way of the next one', async () => {
  for (const step of ['initialise', 'sync'] as const) {
    await expect(postgresService(home, program, killedAt(step)).prepare()).rejects.toThrow()
    const left = (await readdir(home.root)).filter(name => name.startsWith('postgres'))
    expect(left).toEqual([expect.stringMatching(/^postgres\.new-/)])
  }
  expect(await startAndStop()).toBe('ready')
  expect((await readdir(home.root)).filter(name => name.startsWith('postgres'))).toEqual(['postgres'])
})

test('nobody but us reaches the data and the socket', async () => {
  await placeReadyMadeDatabase(home)
  await postgresService(home, program).prepare()
  for (const folder of [home.postgresData, home.postgresSockets]) expect((await stat(folder)).mode & 0o777).toBe(0o700)
  expect(await Bun.file(join(home.postgresData, 'pg_hba.conf')).text()).toBe('local all ai_infra peer map=appliance\n')
})

test('a lock file whose pid belongs to another program since a reboot does not keep Postgres from starting', async () => {
  await placeReadyMadeDatabase(home)
  await postgresService(home, program).prepare()
  const other = Bun.spawn(['sleep', '60'])
  const lock = (folder: string) => `${other.pid}\n${folder}\n1700000000\n5432\n${home.postgresSockets}\n`
  await Bun.write(join(home.postgresData, 'postmaster.pid'), lock(home.postgresData))
  await Bun.write(join(home.postgresSockets, '.s.PGSQL.5432.lock'), lock(home.postgresData))
  const state = await startAndStop()
  other.kill()
  expect(state).toBe('ready')
})

test('data of another major version is left alone, and the message says what to install', async () => {
  await mkdir(home.postgresData)
  await Bun.write(join(home.postgresData, 'PG_VERSION'), '11\n')
  const refused = postgresService(home, program).prepare()
  await expect(refused).rejects.toMatchObject({ kind: 'stalled', hint: expect.stringContaining('install postgresql-11') })
  expect(await readdir(home.postgresData)).toEqual(['PG_VERSION'])
})

test('a folder that is no database is left alone', async () => {
  await mkdir(home.postgresData)
  await Bun.write(join(home.postgresData, 'notes.txt'), 'mine')
  await expect(postgresService(home, program).prepare()).rejects.toMatchObject({ kind: 'stalled' })
  expect(await readdir(home.postgresData)).toEqual(['notes.txt'])
})

test('the newest installed Postgres is taken, unless the data was made by an older one that is still there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pg-'))
  for (const major of [14, 9, 16]) {
    const bin = join(folder, String(major), 'bin')
    await mkdir(bin, { recursive: true })
    for (const name of ['initdb', 'postgres']) {
      await Bun.write(join(bin, name), `#!/bin/sh\necho 'postgres (PostgreSQL) ${major}.1 (Debian)'\n`)
      await chmod(join(bin, name), 0o755)
    }
  }
  expect(await findPostgres(home, spawn, folder)).toEqual({ folder: join(folder, '16', 'bin'), major: 16 })
  await Bun.write(join(home.postgresData, 'PG_VERSION'), '14\n')
  expect((await findPostgres(home, spawn, folder)).major).toBe(14)
})

test('Postgres listens on no network, and keeps every commit', () => {
  const argv = postgresArguments(homeAt('/h'), { folder: '/pg/bin', major: 15 })
  expect(argv.slice(0, 3)).toEqual(['/pg/bin/postgres', '-D', '/h/postgres'])
  for (const setting of ['listen_addresses=', 'unix_socket_permissions=0700', 'fsync=on', 'synchronous_commit=on']) {
    expect(argv).toContain(setting)
  }
})

test('the data folder is made with checksums and without a role that could sign in', () => {
  expect(initialiseArguments({ folder: '/pg/bin', major: 15 }, '/h/postgres.new')).toEqual([
    '/pg/bin/initdb',
    '-D',
    '/h/postgres.new',
    '--username=postgres',
    '--auth=reject',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
    '--data-checksums',
    '--wal-segsize=4',
    '--no-sync',
    '--no-instructions',
  ])
})

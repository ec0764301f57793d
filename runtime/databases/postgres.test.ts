import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { presets } from '../../desired-state/documents/presets.ts'
import type { DatabaseDeclaration } from '../../desired-state/state.ts'
import { homeAt } from '../os/home.ts'
import { spawn } from '../os/spawn.ts'
import { freePorts } from '../os/testing/free-ports.ts'
import { findPostgres } from '../services/postgres-program.ts'
import { type Query, queryDatabase } from './postgres.ts'

let folder: string
let server: Bun.Subprocess
const [port = 0] = freePorts(1)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-'))
  const { folder: bin } = await findPostgres(homeAt(folder))
  await writeFile(join(folder, 'password'), 'of the owner')
  const words = ['--username=owner', `--pwfile=${join(folder, 'password')}`, '--auth=scram-sha-256', '--no-sync']
  await spawn([join(bin, 'initdb'), '-D', join(folder, 'data'), ...words])
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`, 'fsync=off']
  const flags = settings.flatMap(setting => ['-c', setting])
  const log = Bun.file(join(folder, 'log'))
  server = Bun.spawn([join(bin, 'postgres'), '-D', join(folder, 'data'), ...flags], { stdout: log, stderr: log })
  const owner = postgres({ host: '127.0.0.1', port, user: 'owner', password: 'of the owner', database: 'postgres', max: 1 })
  for (const deadline = Date.now() + 30_000; ; await Bun.sleep(50)) {
    const up = await owner`select 1`.then(
      () => true,
      () => false,
    )
    if (up) break
    if (Date.now() > deadline) throw new Error(await log.text())
  }
  await owner`create table bread (id int primary key, name text, baked date, price numeric, tags jsonb, crumb bytea)`
  await owner`insert into bread values (1, 'rye', '2026-01-02', 3.50, '["dark"]', '\\x0102'), (2, null, null, null, null, null)`
  await owner.unsafe(`create role reader login password 'the oven is hot'; grant select, insert on bread to reader`)
  await owner.end()
})
afterAll(async () => {
  server?.kill('SIGQUIT')
  await server?.exited
  await rm(folder, { recursive: true, force: true })
})

const declared = (more: Partial<DatabaseDeclaration> = {}): DatabaseDeclaration => ({
  ...{ name: 'shop', host: '127.0.0.1', port, database: 'postgres', user: 'reader', tls: 'none' },
  ...{ agents: ['data'], write: false },
  ...more,
})
const allowing = (...allow: string[]) => ({ ...presets[1], net: { allow, deny: [], ask: [] } })
const ask = (
  query: Partial<Query> & { statement: string },
  more: Partial<DatabaseDeclaration> = {},
  policy = allowing(`127.0.0.1:${port}`),
) =>
  queryDatabase(
    declared(more),
    'the oven is hot',
    policy,
    { values: [], rows: 100, writes: false, ...query },
    AbortSignal.timeout(20_000),
  )

test('rows come back with their columns, as text and numbers that can be read', async () => {
  expect(await ask({ statement: 'select * from bread where id >= $1 order by id', values: [1] })).toEqual({
    columns: ['id', 'name', 'baked', 'price', 'tags', 'crumb'],
    rows: [
      [1, 'rye', '2026-01-02T00:00:00.000Z', '3.50', '["dark"]', '(2 bytes)'],
      [2, null, null, null, null, null],
    ],
    more: false,
    changes: 0,
  })
})

test('of a million rows only those that were asked for cross the network', async () => {
  const found = await ask({ statement: 'select n from generate_series(1, 1000000) n', rows: 3 })
  expect(found).toEqual({ columns: ['n'], rows: [[1], [2], [3]], more: true, changes: 0 })
})

test('reading cannot write, whatever is tried', async () => {
  for (const statement of [
    "insert into bread values (3, 'x')",
    'with gone as (insert into bread values (4) returning id) select * from gone',
    'set transaction read write',
    "commit; insert into bread values (5, 'x')",
    "select set_config('transaction_read_only', 'off', false)",
    'create table mine ()',
  ])
    await expect(ask({ statement })).rejects.toThrow('shop: ')
  expect((await ask({ statement: 'select count(*)::int as n from bread' })).rows).toEqual([[2]])
})

test('where it may write it does, and says how many rows', async () => {
  expect(await ask({ statement: 'insert into bread values (9, $1)', values: ['bun'], writes: true })).toMatchObject({
    changes: 1,
  })
  expect((await ask({ statement: 'select name from bread where id = 9' })).rows).toEqual([['bun']])
})

test('a host that network.yaml does not name is not dialled, nor this server because a name leads to it', async () => {
  await expect(ask({ statement: 'select 1' }, {}, allowing('db.example.com:5432'))).rejects.toThrow(
    'nothing in network.yaml allows',
  )
  await expect(ask({ statement: 'select 1' }, {}, allowing('*:*'))).rejects.toThrow('which must be named itself')
  await expect(ask({ statement: 'select 1' }, { host: 'localhost' }, allowing('*:*'))).rejects.toThrow('cannot be reached')
})

test('a wrong password and a mistake in the statement are told, without the password', async () => {
  const policy = allowing(`127.0.0.1:${port}`)
  const query = { statement: 'select 1', values: [], rows: 1, writes: false }
  const wrong = queryDatabase(declared(), 'wrong secret', policy, query, AbortSignal.timeout(20_000))
  await expect(wrong).rejects.toThrow('password authentication failed')
  await expect(ask({ statement: 'select nothing from bread' })).rejects.toThrow('shop: column "nothing" does not exist')
})

test('what was stopped before it reached the server changes nothing there', async () => {
  const query = { statement: `insert into bread values (77, 'late')`, values: [], rows: 1, writes: true }
  const stopping = new AbortController()
  const late = queryDatabase(declared(), 'the oven is hot', allowing(`127.0.0.1:${port}`), query, stopping.signal)
  stopping.abort()
  await expect(late).rejects.toThrow('aborted')
  expect((await ask({ statement: 'select id from bread where id = 77' })).rows).toEqual([])
})

import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, realpath, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../os/home.ts'
import { silentLog } from '../os/log.ts'
import { spawn } from '../os/spawn.ts'
import type { Task } from '../tasks/task.ts'
import { staleFiles, staleWork } from './stale.ts'
import { createWorkspaces, type Workspaces } from './workspaces.ts'

const now = new Date('2026-03-01T12:00:00Z')
const ago = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
const entry = (name: string, hours: number) => ({ name, changedAt: ago(hours) })
const id = (last: number) => `0b0e7a5e-9d0a-4a39-9f6e-00000000000${last}`

let home: Home
let workspaces: Workspaces
let ended: Map<string, Date | undefined>

beforeEach(async () => {
  home = homeAt(await realpath(await mkdtemp(join(tmpdir(), 'ws-'))))
  ended = new Map()
  workspaces = createWorkspaces({
    home,
    agents: () => ['code', 'data', 'qa'],
    tasks: { get: async task => (ended.has(task) ? taskThatEnded(task, ended.get(task)) : undefined) },
    spawn,
    clock: { now: () => now },
    log: silentLog,
  })
})
afterEach(() => rm(home.root, { recursive: true, force: true }))

const taskThatEnded = (task: string, at: Date | undefined): Task => ({
  ...{
    id: task,
    graph: task,
    name: 'n',
    description: '',
    agent: 'code',
    by: 'x',
    thread: undefined,
    priority: 5,
    state: 'completed',
  },
  ...{ reason: '', dependsOn: [], criteria: [], result: '', error: undefined, tries: 1, maxRetries: 3, timeoutSeconds: 300 },
  ...{ createdAt: '', startedAt: '', endedAt: at?.toISOString(), spent: { tokens: 0, microdollars: 0, milliseconds: 0 } },
})

async function put(path: string, hours: number): Promise<string> {
  const file = join(home.workspaces, path)
  await mkdir(join(file, '..'), { recursive: true })
  await writeFile(file, 'x')
  await utimes(file, ago(hours), ago(hours))
  return file
}

test('files of a day ago are stale, to the millisecond, and work is when its task ended a day ago', () => {
  expect(staleFiles([entry('old', 24), entry('new', 23.9), entry('future', -5)], now)).toEqual(['old'])
  const ends = new Map([
    ['ended', ago(24)],
    ['lately', ago(1)],
    ['conversation', undefined],
  ])
  expect(
    staleWork(
      [...ends.keys(), 'unknown'].map(name => entry(name, 1_000)),
      name => ends.get(name),
      now,
    ),
  ).toEqual(['ended'])
})

test('each agent gets its folders, for nobody else to enter, and what its craft keeps', async () => {
  await workspaces.tidy()
  expect((await readdir(join(home.workspaces, 'qa'))).sort()).toEqual(['cache', 'coverage', 'reports', 'temp', 'working'])
  expect((await readdir(join(home.workspaces, 'data'))).sort()).toEqual(['cache', 'exports', 'temp', 'working'])
  for (const path of ['code', 'code/temp']) expect((await stat(join(home.workspaces, path))).mode & 0o777).toBe(0o700)
})

test('what is stale goes, with all that is in it; everything else stays', async () => {
  ended.set(id(1), ago(25))
  ended.set(id(2), ago(2))
  ended.set(id(3), undefined)
  for (const path of ['code/temp/old', 'code/cache/old', `code/working/${id(1)}/deep/er/file`]) await put(path, 30)
  for (const path of [`code/working/${id(2)}/f`, `code/working/${id(3)}/f`, `code/working/${id(4)}/f`, 'data/exports/old.csv'])
    await put(path, 300)
  await put('code/temp/new', 3)
  expect([...(await workspaces.tidy())].sort()).toEqual(['code/temp/old', `code/working/${id(1)}`])
  expect(await readdir(join(home.workspaces, 'code/temp'))).toEqual(['new'])
  expect((await readdir(join(home.workspaces, 'code/working'))).sort()).toEqual([id(2), id(3), id(4)])
  expect(await readdir(join(home.workspaces, 'code/cache'))).toEqual(['old'])
  expect(await readdir(join(home.run, 'removed'))).toEqual([])
})

test('a link in the place of a folder, or inside it, removes nothing elsewhere', async () => {
  await workspaces.tidy()
  const precious = join(home.root, 'audit')
  await mkdir(precious)
  await writeFile(join(precious, 'line'), 'x')
  await utimes(join(precious, 'line'), ago(100), ago(100))
  await rename(join(home.workspaces, 'code/temp'), join(home.workspaces, 'code/elsewhere'))
  await symlink(precious, join(home.workspaces, 'code/temp'))
  await put('data/temp/old', 30)
  ended.set(id(1), ago(30))
  await mkdir(join(home.workspaces, 'qa/working', id(1)))
  await symlink(precious, join(home.workspaces, 'qa/working', id(1), 'link'))
  expect([...(await workspaces.tidy())].sort()).toEqual(['data/temp/old', `qa/working/${id(1)}`])
  expect(await readdir(precious)).toEqual(['line'])
})

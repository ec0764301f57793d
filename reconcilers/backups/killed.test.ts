import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { listProcesses, workingFolder } from '../../runtime/os/process.ts'
import { spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { placeReadyRepository, readyRepository } from './testing/ready-repository.ts'
import { backupRig } from './testing/rig.ts'
import { roomOver } from './testing/room-over.ts'
import type { orderShape } from './testing/run-until-killed.ts'

setDefaultTimeout(180_000)

let rig: Awaited<ReturnType<typeof backupRig>>
const git = (name: string) => join(rig.disk, `${name}.git`)
const repositories = ['repository', 'files'] as const
/** One with the database, and one of files alone, which is tried out sooner; and those that Git pushes to. */
const yaml = () => {
  const fields = 'password: "secret:BACKUP_PASSWORD", check_percent: 0, drill: never'
  return `backups:
  nightly: { repository: ${rig.repository()}, ${fields} }
  files: { repository: ${rig.repository('files')}, ${fields}, what: [desired-state, sites, memory] }
git:
  code: { repository: "${git('code')}", what: code }
  memory: { repository: "${git('memory')}", what: memory }
`
}

beforeAll(async () => {
  rig = await backupRig()
  for (const name of repositories) await placeReadyRepository(rig.repository(name))
  for (const name of ['code', 'memory'])
    await spawnChecked(spawn, ['git', 'init', '--quiet', '--bare', '--initial-branch=main', git(name)])
  await roomOver(rig.home, rig.store, yaml()).converge()
  // In one file: of the half a second that each of these runtimes would take to read its modules, most is not needed.
  const entrypoints = [join(import.meta.dir, 'testing', 'run-until-killed.ts')]
  await Bun.build({ entrypoints, target: 'bun', outdir: rig.disk })
  await cp(join(import.meta.dir, '..', '..', 'desired-state', 'template'), join(rig.disk, 'template'), { recursive: true })
})
afterAll(() => rig?.[Symbol.asyncDispose]())

type Order = z.infer<typeof orderShape>

/** A runtime that dies at the step; what it said when it came to its end. */
async function runUntil(order: Partial<Order> & Pick<Order, 'name' | 'verb' | 'fatal'>): Promise<string | undefined> {
  const script = join(rig.disk, 'run-until-killed.js')
  const words = JSON.stringify({ home: rig.home.root, yaml: yaml(), ...order })
  const child = Bun.spawn([process.execPath, '--no-env-file', '--config=/dev/null', script, words], {
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  })
  const said = await new Response(child.stdout).text()
  await child.exited
  return child.signalCode === 'SIGKILL' ? undefined : said
}

/** Processes that still work somewhere below the folder. */
const left = () => listProcesses().filter(({ pid }) => workingFolder(pid)?.startsWith(rig.home.backups) === true)

/** Dies at each step in turn, and comes to its end where `ends` says so. */
async function killAt(order: Omit<Order, 'home' | 'yaml' | 'fatal'>, steps: readonly string[], ends = true): Promise<void> {
  for (const fatal of steps) {
    expect([fatal, await runUntil({ ...order, fatal })]).toEqual([fatal, undefined])
    // restic and the Postgres of a trial end with the runtime that started them.
    for (const deadline = AbortSignal.timeout(10_000); left().length > 0; await Bun.sleep(10)) deadline.throwIfAborted()
  }
  if (!ends) return
  expect(JSON.parse((await runUntil({ ...order, fatal: '' })) ?? '{}')).toMatchObject({ outcome: 'succeeded' })
  expect((await readdir(rig.home.backups)).filter(each => each.startsWith('drill-'))).toEqual([])
  const [open] = await rig.store<{ count: number }[]>`
    SELECT count(*)::int FROM backup_run WHERE outcome IN ('asked', 'running') AND name = ${order.name}`
  expect(open?.count).toBe(0)
}

test('kill -9 at every step of a backup leaves nothing that the next one does not tidy', async () => {
  await killAt({ name: 'nightly', verb: 'run' }, ['begun', 'moment', 'postgres', 'noted', 'files', 'tidied'])
  expect(await readdir(join(rig.repository(), 'locks'))).toEqual([])
  const [told] = await rig.store<{ message: string }[]>`
    SELECT message FROM backup_run WHERE name = 'nightly' AND outcome = 'interrupted' LIMIT 1`
  expect(told?.message).toBe('the appliance ended meanwhile; ask for it again')
})

test('kill -9 at every step of a trial leaves neither a scratch home nor a Postgres', async () => {
  await killAt({ name: 'files', verb: 'run' }, [])
  // What it shares with a restore dies there, one step of it here.
  const steps = ['checked', 'restored-files', 'compared-tables', 'compared']
  await killAt({ name: 'files', verb: 'verify' }, steps, false)
  await killAt({ name: 'nightly', verb: 'verify' }, ['restored-postgres', 'loaded'])
})

test('kill -9 at every step of a restore: the same one asked for again goes on, and gives back all of it', async () => {
  const into = join(rig.disk, 'given-back')
  const order = { name: 'files', verb: 'restore', into } as const
  // Each goes on behind what the one before has moved.
  await killAt(order, ['begun', 'restored-refs', 'restored', 'whole', 'moved', 'moved'])
  const names = (await readdir(into)).sort()
  expect(names).toEqual(expect.arrayContaining(['desired-state.git', 'memory', 'www']))
  expect(names).not.toContain('.restore')
  expect(await readFile(join(into, 'www', 'shop', 'index.html'), 'utf8')).toBe('the shop')
})

test('kill -9 at every step of a push to Git: the next one brings what was missing, once', async () => {
  await killAt({ name: 'code', verb: 'push' }, ['begun', 'opened', 'pushed'])
  await killAt({ name: 'memory', verb: 'push' }, ['begun', 'opened', 'committed', 'pushed'])
  const show = (name: string, ...words: string[]) => spawnChecked(spawn, ['git', `--git-dir=${git(name)}`, ...words])
  const main = await spawnChecked(spawn, ['git', `--git-dir=${rig.home.repository}`, 'rev-parse', 'main'])
  expect(await show('code', 'rev-parse', 'main')).toBe(main)
  expect(await show('memory', 'show', 'main:lesson.md')).toBe('a lesson')
  expect((await show('memory', 'rev-list', '--count', 'main')).trim()).toBe('1')
})

test('kill -9 at every step of the beginning of a repository, and inside of restic as it makes one', async () => {
  const more = (name: string) =>
    `${yaml().replace('backups:\n', `backups:\n  ${name}: { repository: ${rig.repository(name)}, password: "secret:BACKUP_PASSWORD" }\n`)}`
  await killAt({ name: 'begun', verb: 'begin', ...{ yaml: more('begun') } }, ['begin', 'repository'])
  expect(await readdir(join(rig.repository('begun'), 'keys'))).toHaveLength(1)
  // restic had written its key, and not yet what only that opens.
  const [[key = '', bytes = new Uint8Array()] = []] = readyRepository()
  await mkdir(join(rig.repository('half'), 'keys'), { recursive: true })
  await writeFile(join(rig.repository('half'), key), bytes)
  await killAt({ name: 'half', verb: 'begin', ...{ yaml: more('half') } }, [])
  expect(await readdir(join(rig.repository('half'), 'keys'))).toHaveLength(1)
  const begun = await rig.store<{ name: string }[]>`SELECT name FROM backup_repository ORDER BY name`
  expect(begun.map(({ name }) => name)).toEqual(['files', 'half', 'nightly'])
})

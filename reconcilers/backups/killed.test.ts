import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { listProcesses, workingFolder } from '../../runtime/os/process.ts'
import { spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import { createInForce } from './in-force.ts'
import { placeReadyRepository, readyRepository } from './testing/ready-repository.ts'
import { backupRig } from './testing/rig.ts'
import { byHand, itemsOf, roomOver } from './testing/room-over.ts'
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
  // In one file: each of these runtimes reads it at once.
  const entrypoints = [join(import.meta.dir, 'testing', 'run-until-killed.ts')]
  await Bun.build({ entrypoints, target: 'bun', outdir: rig.disk, minify: true })
})
afterAll(() => rig?.[Symbol.asyncDispose]())

type Order = Omit<z.infer<typeof orderShape>, 'home' | 'items' | 'fatal'> & { readonly declared?: string }

/** A runtime that dies at the step. */
async function dieAt(fatal: string, { declared = yaml(), ...order }: Order): Promise<void> {
  const script = join(rig.disk, 'run-until-killed.js')
  const words = JSON.stringify({ home: rig.home.root, items: [...itemsOf(declared, byHand)], fatal, ...order })
  const child = Bun.spawn([process.execPath, '--no-env-file', '--config=/dev/null', script, words], {
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  })
  const said = await new Response(child.stdout).text()
  await child.exited
  expect([fatal, child.signalCode, said]).toEqual([fatal, 'SIGKILL', ''])
  // restic and the Postgres of a trial end with the runtime that started them.
  for (const deadline = AbortSignal.timeout(60_000); left().length > 0; await Bun.sleep(10)) deadline.throwIfAborted()
}

/** Processes that still work somewhere below the folder. */
const left = () => listProcesses().filter(({ pid }) => workingFolder(pid)?.startsWith(rig.home.backups) === true)

/** What the next runtime does with the same order: it comes to its end, and tidies up. */
async function comesToItsEnd({ name, verb, into }: Order): Promise<void> {
  const over = roomOver(rig.home, rig.store, yaml(), {}, byHand)
  await over.room.start()
  const wanted = verb === 'push' || verb === 'begin' ? 'run' : verb
  expect(await over.done(wanted, name, into === undefined ? {} : { into })).toMatchObject({ outcome: 'succeeded' })
  await over.room.stop()
  expect((await readdir(rig.home.backups)).filter(each => each.startsWith('drill-'))).toEqual([])
  const [open] = await rig.store<{ count: number }[]>`
    SELECT count(*)::int FROM backup_run WHERE outcome IN ('asked', 'running') AND name = ${name}`
  expect(open?.count).toBe(0)
}

/** Dies at each step in turn; each begins behind what the one before has left. */
async function killAt(order: Order, ...steps: readonly string[]): Promise<void> {
  for (const step of steps) await dieAt(step, order)
}

test('kill -9 at every step of a backup leaves nothing that the next one does not tidy', async () => {
  await killAt({ name: 'nightly', verb: 'run' }, 'begun', 'moment', 'postgres')
  // Before anything was made by it.
  const inForce = createInForce(rig.store)
  await inForce.load()
  expect(inForce.last().get('nightly')).toEqual({ days: 30, weeks: 8, months: 12 })
  await comesToItsEnd({ name: 'nightly', verb: 'run' })
  // With a database or without one they are the same.
  await killAt({ name: 'files', verb: 'run' }, 'noted', 'files', 'tidied')
  await comesToItsEnd({ name: 'files', verb: 'run' })
  for (const name of repositories) expect(await readdir(join(rig.repository(name), 'locks'))).toEqual([])
  const [told] = await rig.store<{ message: string }[]>`
    SELECT message FROM backup_run WHERE name = 'nightly' AND outcome = 'interrupted' LIMIT 1`
  expect(told?.message).toBe('the appliance ended meanwhile; ask for it again')
})

test('kill -9 at every step of a trial leaves neither a scratch home nor a Postgres', async () => {
  // What it shares with a restore dies there, one step of it here.
  await killAt({ name: 'files', verb: 'verify' }, 'checked', 'restored-files', 'compared-tables', 'compared')
  await killAt({ name: 'nightly', verb: 'verify' }, 'restored-postgres', 'loaded')
  await comesToItsEnd({ name: 'files', verb: 'verify' })
})

test('kill -9 at every step of a restore: the same one asked for again goes on, and gives back all of it', async () => {
  const into = join(rig.disk, 'given-back')
  const order = { name: 'files', verb: 'restore', into } as const
  await killAt(order, 'begun', 'restored-refs', 'restored', 'whole', 'moved', 'moved')
  await comesToItsEnd(order)
  const names = (await readdir(into)).sort()
  expect(names).toEqual(expect.arrayContaining(['desired-state.git', 'memory', 'www']))
  expect(names).not.toContain('.restore')
  expect(await readFile(join(into, 'www', 'shop', 'index.html'), 'utf8')).toBe('the shop')
})

test('kill -9 at every step of a push to Git: the next one brings what was missing, once', async () => {
  // Before the first of its own steps one is as the other.
  await killAt({ name: 'code', verb: 'push' }, 'opened', 'pushed')
  await comesToItsEnd({ name: 'code', verb: 'push' })
  await killAt({ name: 'memory', verb: 'push' }, 'begun', 'opened', 'committed', 'pushed')
  await comesToItsEnd({ name: 'memory', verb: 'push' })
  const show = (name: string, ...words: string[]) => spawnChecked(spawn, ['git', `--git-dir=${git(name)}`, ...words])
  const main = await spawnChecked(spawn, ['git', `--git-dir=${rig.home.repository}`, 'rev-parse', 'main'])
  expect(await show('code', 'rev-parse', 'main')).toBe(main)
  expect(await show('memory', 'show', 'main:lesson.md')).toBe('a lesson')
  expect((await show('memory', 'rev-list', '--count', 'main')).trim()).toBe('1')
})

test('kill -9 at every step of the beginning of a repository, and inside of restic as it makes one', async () => {
  const more = (name: string) =>
    `${yaml().replace('backups:\n', `backups:\n  ${name}: { repository: ${rig.repository(name)}, password: "secret:BACKUP_PASSWORD" }\n`)}`
  await killAt({ name: 'begun', verb: 'begin', declared: more('begun') }, 'begin', 'repository')
  await roomOver(rig.home, rig.store, more('begun')).converge()
  expect(await readdir(join(rig.repository('begun'), 'keys'))).toHaveLength(1)
  // restic had written its key, and not yet what only that opens.
  const [[key = '', bytes = new Uint8Array()] = []] = readyRepository()
  await mkdir(join(rig.repository('half'), 'keys'), { recursive: true })
  await writeFile(join(rig.repository('half'), key), bytes)
  await roomOver(rig.home, rig.store, more('half')).converge()
  expect(await readdir(join(rig.repository('half'), 'keys'))).toHaveLength(1)
  const begun = await rig.store<{ name: string }[]>`SELECT name FROM backup_repository ORDER BY name`
  expect(begun.map(({ name }) => name)).toEqual(['files', 'half', 'nightly'])
})

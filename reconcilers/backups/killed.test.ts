import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { listProcesses, workingFolder } from '../../runtime/os/process.ts'
import { backupRig, roomOver } from './testing/rig.ts'

setDefaultTimeout(180_000)

let rig: Awaited<ReturnType<typeof backupRig>>
/** One with the database, and one of files alone, which is tried out sooner. */
const yaml = () => {
  const fields = 'password: "secret:BACKUP_PASSWORD", check_percent: 0, drill: never, schedule: "0 2 1 1 *"'
  return `backups:
  nightly: { repository: ${rig.repository()}, ${fields} }
  files: { repository: ${rig.repository('files')}, ${fields}, what: [desired-state, sites, memory] }
`
}

beforeAll(async () => {
  rig = await backupRig()
  await roomOver(rig.home, rig.store, yaml()).converge()
})
afterAll(() => rig?.[Symbol.asyncDispose]())

type Verb = 'run' | 'verify'

/** A runtime that dies at the step; what it said when it came to its end. */
async function runUntil(name: string, verb: Verb, step: string): Promise<string | undefined> {
  const script = join(import.meta.dir, 'testing', 'run-until-killed.ts')
  const child = Bun.spawn(
    [process.execPath, '--no-env-file', '--config=/dev/null', script, rig.home.root, yaml(), name, verb, step],
    { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  )
  const said = await new Response(child.stdout).text()
  await child.exited
  return child.signalCode === 'SIGKILL' ? undefined : said
}

/** Processes that still work somewhere below the folder. */
const left = () => listProcesses().filter(({ pid }) => workingFolder(pid)?.startsWith(rig.home.backups) === true)

async function killAt(name: string, verb: Verb, steps: readonly string[]): Promise<void> {
  for (const step of steps) {
    expect(await runUntil(name, verb, step)).toBeUndefined()
    // restic and the Postgres of a trial end with the runtime that started them.
    for (const deadline = AbortSignal.timeout(10_000); left().length > 0; await Bun.sleep(10)) deadline.throwIfAborted()
  }
  expect(JSON.parse((await runUntil(name, verb, '')) ?? '{}')).toMatchObject({ outcome: 'succeeded' })
  expect((await readdir(rig.home.backups)).filter(each => each.startsWith('drill-'))).toEqual([])
  const [open] = await rig.store<{ count: number }[]>`
    SELECT count(*)::int FROM backup_run WHERE outcome IN ('asked', 'running') AND name = ${name}`
  expect(open?.count).toBe(0)
}

test('kill -9 at every step of a backup leaves nothing that the next one does not tidy', async () => {
  await killAt('nightly', 'run', ['begun', 'moment', 'postgres', 'noted', 'files', 'tidied'])
  expect(await readdir(join(rig.repository(), 'locks'))).toEqual([])
})

test('kill -9 at every step of a trial leaves neither a scratch home nor a Postgres', async () => {
  await killAt('files', 'run', [])
  await killAt('files', 'verify', [
    'begun',
    'checked',
    'restored-files',
    'restored-refs',
    'restored',
    'compared-tables',
    'compared',
  ])
  await killAt('nightly', 'verify', ['restored-postgres', 'loaded'])
})

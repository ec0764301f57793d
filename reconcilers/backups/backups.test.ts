import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { commandLine, listProcesses } from '../../runtime/os/process.ts'
import { minimalEnvironment, spawn } from '../../runtime/os/spawn.ts'
import { createInForce } from './in-force.ts'
import { hastySource } from './testing/hasty.ts'
import { placeReadyRepository } from './testing/ready-repository.ts'
import { backupRig } from './testing/rig.ts'
import { itemsOf, password, roomOver, turnedClock } from './testing/room-over.ts'

setDefaultTimeout(120_000)

let rig: Awaited<ReturnType<typeof backupRig>>
let over: ReturnType<typeof roomOver>
const clock = turnedClock()

beforeAll(async () => {
  rig = await backupRig()
  await placeReadyRepository(rig.repository())
  over = roomOver(rig.home, rig.store, rig.yaml(), { clock, source: hastySource(rig.home) })
})
afterAll(async () => {
  await over?.room.stop()
  await rig?.[Symbol.asyncDispose]()
})

test('a declared repository waits for its secret, is taken over where the password opens one, and then left as it is', async () => {
  over.secrets.delete('BACKUP_PASSWORD')
  await expect(over.converge()).rejects.toThrow('the secret secret:BACKUP_PASSWORD is not set')
  over.secrets.set('BACKUP_PASSWORD', password)
  const plan = await over.converge()
  expect(plan).toMatchObject({ changes: [], obstacles: [{ key: 'nightly', state: 'waiting', reason: 'first-run' }] })
  expect((await over.converge()).changes).toEqual([])
})

test('the first backup is made by itself, and then a restore of it is tried out', async () => {
  await over.room.start()
  for (const deadline = AbortSignal.timeout(90_000); !(await over.standing()).message.includes('proven on'); await Bun.sleep(50))
    deadline.throwIfAborted()
  expect(await over.standing()).toMatchObject({ state: 'ready' })
  const [told] = await over.room.backups.list()
  expect(told?.proof).toMatch(/^\d+ tables with \d+ rows, 1 repositories and \d+ files are as they were$/)
  expect((await readdir(rig.home.backups)).filter(name => name.startsWith('drill-'))).toEqual([])
})

test('what a backup kept is known when nothing declares it any more, after a restart as well', async () => {
  over.declare('')
  await over.converge()
  const inForce = createInForce(rig.store)
  await inForce.load()
  const { reconciler } = roomOver(rig.home, rig.store, '', { inForce }).room
  const anew = (more: string) => reconciler.exposes?.(itemsOf(''), itemsOf(rig.yaml(more)))
  expect(anew(', keep: { days: 2 }')).toBe('it has backups removed that are kept: of nightly, 28 at most (30 days become 2)')
  expect(anew('')).toBeUndefined()
  over.declare(rig.yaml())
  await over.converge()
})

test('what is asked for twice is done once, and two things never at the same time', async () => {
  const asked = await Promise.all(
    ['run', 'run', 'verify'].map(verb => over.room.backups.ask('nightly', verb === 'run' ? 'run' : 'verify', 'Ada')),
  )
  expect(asked[0]).toBe(asked[1] ?? '')
  const verified = await over.done('verify')
  const made = await over.room.backups.run(asked[0] ?? '')
  expect([made?.outcome, verified.outcome]).toEqual(['succeeded', 'succeeded'])
  expect(made === undefined ? '' : made.endedAt <= verified.startedAt).toBe(true)
})

test('a restore goes into an empty folder, with the database, and over nothing that is there', async () => {
  // No Unix socket could have so long a path.
  const into = join(rig.disk, 'given-back', 'far-below'.repeat(12))
  expect(await over.done('restore', 'nightly', { into })).toMatchObject({ outcome: 'succeeded' })
  expect(await readFile(join(into, 'www', 'shop', 'index.html'), 'utf8')).toBe('the shop')
  expect(await readdir(into)).toEqual(expect.arrayContaining(['postgres', 'desired-state.git', 'memory']))
  expect(await readdir(into)).not.toContain('.restore')
  const again = await over.done('restore', 'nightly', { into })
  expect(again).toMatchObject({ outcome: 'failed', message: expect.stringContaining(`${into} is not empty`) })
  await rm(into, { recursive: true })
})

test('a wrong password is said at once, and the right one is tried without a wait', async () => {
  over.secrets.set('BACKUP_PASSWORD', 'another one')
  const failed = await over.done('run')
  expect(failed.message).toContain('the password does not open the repository')
  expect(failed.message).not.toContain('another one')
  expect(await over.standing()).toMatchObject({ state: 'stalled', reason: 'wrong-password' })
  over.secrets.set('BACKUP_PASSWORD', password)
  expect(await over.done('run')).toMatchObject({ outcome: 'succeeded' })
  expect((await over.standing()).state).toBe('ready')
})

test('the lock of somebody else is respected, and said whose it is', async () => {
  const env = { ...minimalEnvironment, HOME: rig.disk, RESTIC_PASSWORD: password, RESTIC_REPOSITORY: rig.repository() }
  const other = Bun.spawn(['restic', 'prune', '--max-unused', '0'], { env, stdout: 'ignore', stderr: 'ignore' })
  const locks = join(rig.repository(), 'locks')
  // It is written beside its name first.
  while (!(await readdir(locks)).some(name => /^[0-9a-f]{64}$/.test(name))) await Bun.sleep(1)
  other.kill('SIGSTOP')
  const held = await readdir(locks)
  expect(held).toHaveLength(1)
  expect(await over.done('run')).toMatchObject({
    outcome: 'failed',
    message: expect.stringMatching(/somebody else is using the repository: .*PID \d+/),
  })
  expect(await readdir(locks)).toEqual(held)
  expect(await over.standing()).toMatchObject({ state: 'failed', reason: 'locked' })
  other.kill('SIGCONT')
  await other.exited
  expect(await over.done('run')).toMatchObject({ outcome: 'succeeded' })
})

test('a repository that is gone is not begun anew', async () => {
  await rename(rig.repository(), `${rig.repository()}-away`)
  expect(await over.done('run')).toMatchObject({ outcome: 'failed', message: expect.stringContaining('there is no repository') })
  expect(await over.standing()).toMatchObject({ state: 'failed', reason: 'gone' })
  expect((await over.converge()).changes).toEqual([])
  await rename(`${rig.repository()}-away`, rig.repository())
  expect(await over.done('run')).toMatchObject({ outcome: 'succeeded' })
})

test('a trial finds a damaged repository, and says so louder than that the last backup went well', async () => {
  const packs = (await Array.fromAsync(new Bun.Glob('data/*/*').scan(rig.repository()))).sort()
  const kept = new Map<string, Uint8Array>()
  for (const pack of packs) {
    const path = join(rig.repository(), pack)
    const bytes = await Bun.file(path).bytes()
    kept.set(path, bytes)
    const broken = bytes.slice()
    broken.fill(0, 0, Math.min(64, broken.length))
    await rm(path)
    await writeFile(path, broken)
  }
  await rm(join(rig.home.backups, 'cache'), { recursive: true, force: true })
  expect(await over.done('verify')).toMatchObject({
    outcome: 'failed',
    message: expect.stringContaining('the repository is damaged'),
  })
  expect(await over.standing()).toMatchObject({ state: 'failed', reason: 'corrupt' })
  for (const [path, bytes] of kept) await writeFile(path, bytes)
  expect(await over.done('verify')).toMatchObject({ outcome: 'succeeded' })
})

test('a clock that was years ahead for a while takes no backup away, and afterwards none is missed', async () => {
  over.declare(rig.yaml(', drill: never'))
  const before = (await over.room.backups.snapshots('nightly')).length
  clock.turn(3_650 * 86_400_000)
  expect((await over.done('run')).outcome).toBe('succeeded')
  clock.turn(-3_650 * 86_400_000)
  expect((await over.room.backups.snapshots('nightly')).length).toBeGreaterThan(before)
  const [told] = await over.room.backups.list()
  expect(Date.parse(told?.next ?? '')).toBeLessThan(Date.now() + 2 * 86_400_000)
  expect(Date.parse(told?.succeededAt ?? '')).toBeLessThan(Date.now())
})

test('the password stands in no file, no journal and no command line', async () => {
  const lines = new Set<string>()
  const watching = setInterval(() => {
    for (const { pid } of listProcesses()) lines.add(commandLine(pid).join(' '))
  }, 30)
  await over.done('run')
  clearInterval(watching)
  expect([...lines].some(line => line.includes('/usr/bin/restic'))).toBe(true)
  expect([...lines].filter(line => line.includes(password))).toEqual([])
  const found = await spawn(['grep', '-rlF', '--', password, rig.home.root, rig.disk], { timeout: 60_000 })
  expect(found.stdout).toBe('')
})

test('a backup that was not made in its time is failed', async () => {
  over.declare(rig.yaml(', schedule: "0 2 * * *", drill: never'))
  await over.room.stop()
  clock.turn(3 * 86_400_000)
  expect(await over.standing()).toMatchObject({
    state: 'failed',
    reason: 'late',
    message: expect.stringContaining('not been made in its time'),
  })
})

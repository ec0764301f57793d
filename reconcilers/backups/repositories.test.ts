import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../../runtime/os/clock.ts'
import { spawn } from '../../runtime/os/spawn.ts'
import { createBackupJournal } from './journal.ts'
import { filesTags, postgresTags } from './tags.ts'
import { placeReadyRepository, readyRepository } from './testing/ready-repository.ts'
import { startRestServer } from './testing/rest-server.ts'
import { backupRig } from './testing/rig.ts'
import { byHand, roomOver } from './testing/room-over.ts'
import { startSshd } from './testing/sshd.ts'

setDefaultTimeout(120_000)

const day = 86_400_000

let rig: Awaited<ReturnType<typeof backupRig>>
beforeAll(async () => {
  rig = await backupRig()
})
afterAll(() => rig?.[Symbol.asyncDispose]())

const declared = (name: string, repository: string, more = '') =>
  `backups:\n  ${name}: { repository: "${repository}", password: "secret:BACKUP_PASSWORD", what: [sites, memory], drill: never${more} }\n`

test('a server with SSH is backed up to with a key of our own, once it lets that in and shows the key that was declared', async () => {
  await using sshd = await startSshd()
  await placeReadyRepository(join(rig.disk, 'away', 'atlas'))
  const yaml = (key: string) =>
    declared('away', `sftp://${sshd.user}@127.0.0.1:${sshd.port}/${join(rig.disk, 'away', 'atlas')}`, `, host_key: "${key}"`)
  const over = roomOver(rig.home, rig.store, yaml(sshd.hostKey), {}, byHand)
  await expect(over.converge()).rejects.toThrow('the server does not let our key in')
  await sshd.letIn((await over.room.backups.publicKey()) ?? '')
  await over.converge()
  await over.room.start()
  expect(await over.done('run', 'away')).toMatchObject({ outcome: 'succeeded' })
  const [one] = await over.room.backups.snapshots('away')
  expect(one?.snapshot).toMatch(/^[0-9a-f]{8}$/)
  over.declare(yaml(`${sshd.hostKey.slice(0, 40)}${'A'.repeat(28)}`))
  const failed = await over.done('run', 'away')
  expect(failed).toMatchObject({
    outcome: 'failed',
    message: expect.stringContaining('the server shows another key than host_key says'),
  })
  expect(await over.standing('away')).toMatchObject({ state: 'stalled', reason: 'no-entry' })
  await over.room.stop()
})

test('a REST server is backed up to; wrong keys, no room and no server are told apart, and the password is in no message', async () => {
  const server = startRestServer('atlas', 'rest-password', readyRepository())
  const yaml = declared('web', server.address, ', access_key: "secret:REST_USER", secret_key: "secret:REST_PASSWORD"')
  const over = roomOver(rig.home, rig.store, yaml, {}, byHand)
  over.secrets.set('REST_USER', 'atlas').set('REST_PASSWORD', 'wrong')
  const refused = await over.converge().then(
    () => '',
    (error: unknown) => String(error),
  )
  expect(refused).toContain('the server refuses the keys')
  expect(refused).not.toContain('wrong@')
  over.secrets.set('REST_PASSWORD', 'rest-password')
  await over.converge()
  await over.room.start()
  expect(await over.done('run', 'web')).toMatchObject({ outcome: 'succeeded' })
  server.room = 0
  await Bun.write(join(rig.home.memory, 'new'), crypto.getRandomValues(new Uint8Array(60_000)))
  const full = await over.done('run', 'web')
  expect(full.message).not.toContain('rest-password')
  expect(full).toMatchObject({ outcome: 'failed', message: expect.stringContaining('there is no space left for the repository') })
  server.room = Number.POSITIVE_INFINITY
  expect(await over.done('run', 'web')).toMatchObject({ outcome: 'succeeded' })
  await server[Symbol.asyncDispose]()
  expect(await over.done('run', 'web')).toMatchObject({ outcome: 'failed', message: expect.stringContaining('does not answer') })
  expect(await over.standing('web')).toMatchObject({ state: 'failed', reason: 'unreachable' })
  await over.room.stop()
})

/** What a program prints as JSON that is given a folder on a disk of so many bytes. */
async function onSmallDisk(name: string, bytes: number, ...words: readonly string[]) {
  const script = join(import.meta.dir, 'testing', name)
  const small = join(rig.disk, `${name}-disk`)
  await mkdir(small)
  const bun = [process.execPath, '--no-env-file', '--config=/dev/null', script, rig.home.root, small, ...words]
  const bwrap = ['bwrap', '--dev-bind', '/', '/', '--size', String(bytes), '--tmpfs', small]
  const { code, stdout, stderr } = await spawn([...bwrap, ...bun], { timeout: 100_000 })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

test('a full home is told apart from a full repository; nothing is lost, and no restore begins that has no room', async () => {
  await placeReadyRepository(rig.repository('roomy'))
  const [first, full, again, restored] = await onSmallDisk('on-full-home.ts', 4_000_000, rig.repository('roomy'))
  expect(first.outcome).toBe('succeeded')
  expect(full).toMatchObject({
    outcome: 'failed',
    message: expect.stringContaining('no space left on the disk of the appliance'),
  })
  expect(again.outcome).toBe('succeeded')
  expect(restored.outcome).toBe('failed')
  expect(restored.message).toContain('to spare, and the disk of')
  expect(restored.message).toContain('nothing of it stays')
})

test('a full disk is said, what was backed up before stays, and room is enough to go on', async () => {
  const [first, full, again] = await onSmallDisk('on-full-disk.ts', 3_000_000)
  expect(first.outcome).toBe('succeeded')
  expect(full).toMatchObject({ outcome: 'failed', message: expect.stringContaining('there is no space left for the repository') })
  expect(again.outcome).toBe('succeeded')
})

test('a repository inside what it keeps is refused, as is a folder that the appliance may not write', async () => {
  const inside = roomOver(rig.home, rig.store, declared('inside', join(rig.home.www, 'shop')))
  await expect(inside.converge()).rejects.toThrow('would lie inside what it keeps')
  await symlink(rig.home.www, rig.repository('link'))
  const behind = roomOver(rig.home, rig.store, declared('behind', join(rig.repository('link'), 'shop')))
  await expect(behind.converge()).rejects.toThrow('would lie inside what it keeps')
  const foreign = roomOver(rig.home, rig.store, declared('foreign', '/usr/backups'))
  await expect(foreign.converge()).rejects.toThrow('the appliance may not write there')
})

test('how one ended is written down whatever the words of its server are made of', async () => {
  const journal = createBackupJournal(rig.store, systemClock)
  const id = await journal.ask('words', 'run', 'somebody')
  await journal.fail(id, new Error('restic backup failed: it said \0\u001b[2J and \ud800'))
  expect((await journal.get(id))?.message).toBe('restic backup failed: it said \\u0000\\u001b[2J and \ufffd')
})

test('what could not be read is said by its path in the home, in how the backup stands as well', async () => {
  await placeReadyRepository(rig.repository('partly'))
  const over = roomOver(rig.home, rig.store, declared('partly', rig.repository('partly')), {}, byHand)
  await over.converge()
  await over.room.start()
  const closed = join(rig.home.www, 'shop', 'closed')
  await writeFile(closed, 'for nobody', { mode: 0 })
  const made = await over.done('run', 'partly')
  expect(made).toMatchObject({ outcome: 'succeeded', message: '1 files could not be read: www/shop/closed' })
  expect((await over.standing('partly')).message).toContain(', but 1 files could not be read: www/shop/closed')
  await rm(closed)
  await over.done('run', 'partly')
  expect((await over.standing('partly')).message).not.toContain('could not be read')
  await over.room.stop()
})

test('how something ended is written down once the database is back, and whoever waits for it is told', async () => {
  await placeReadyRepository(rig.repository('told'))
  const journal = createBackupJournal(rig.store, systemClock)
  let away = 1
  const fail: typeof journal.fail = async (id, error) => {
    if (away-- > 0) throw new Error('the database is away')
    return journal.fail(id, error)
  }
  const yaml = declared('told', rig.repository('told'))
  const over = roomOver(rig.home, rig.store, yaml, { journal: { ...journal, fail } }, byHand)
  await over.converge()
  await over.room.start()
  over.secrets.delete('BACKUP_PASSWORD')
  const ended = await over.done('run', 'told')
  expect(ended).toMatchObject({ outcome: 'failed', message: expect.stringContaining('BACKUP_PASSWORD is not set') })
  await over.room.stop()
})

test('while nothing can be written into the journal the next try waits, longer each time, and then it is done', async () => {
  const journal = createBackupJournal(rig.store, systemClock)
  const waits: number[] = []
  let left = 5
  const begin: typeof journal.begin = async id => {
    if (left-- > 0) throw new Error('the database takes nothing')
    return journal.begin(id)
  }
  const sleep: typeof systemClock.sleep = async (milliseconds, signal) => {
    if (left <= 0) return systemClock.sleep(milliseconds, signal)
    waits.push(milliseconds)
  }
  const changes = { journal: { ...journal, begin }, clock: { ...systemClock, sleep } }
  const over = roomOver(rig.home, rig.store, declared('unwritten', rig.repository('unwritten')), changes, byHand)
  const run = await over.room.backups.ask('unwritten', 'run', 'Ada')
  await over.room.start()
  // The last failure sleeps in earnest; who asks again does not wait for it.
  for (const deadline = AbortSignal.timeout(60_000); left > 0; await Bun.sleep(5)) deadline.throwIfAborted()
  expect(waits.map(wait => [1, 2, 4, 8].findIndex(seconds => Math.abs(wait / seconds / 1_000 - 1) <= 0.25))).toEqual([0, 1, 2, 3])
  expect(await over.done('run', 'unwritten')).toMatchObject({ id: run, message: expect.stringContaining('not begun yet') })
  await over.room.stop()
})

test('what two hundred runs of a clock that was ahead leave in the journal drives none out that is made now', async () => {
  const journal = createBackupJournal(rig.store, systemClock)
  await rig.store`
    INSERT INTO backup_run (id, name, verb, asked_by, asked_at, started_at, ended_at, outcome)
    SELECT gen_random_uuid(), 'early', 'run', 'Ada', at, at, at, 'succeeded'
    FROM generate_series(1, 200) AS n, LATERAL (SELECT timestamptz '2131-01-01' + n * interval '1 minute' AS at) AS times`
  const id = await journal.ask('early', 'run', 'Ada')
  await journal.begin(id)
  await journal.succeed(id, '', {})
  await journal.ask('early', 'run', 'Ada')
  expect((await journal.histories()).get('early run')?.succeeded?.id).toBe(id)
  await rig.store`DELETE FROM backup_run WHERE name = 'early'`
})

test('what was kept under another name is said, listed and given back, and counts once it is renamed in the repository', async () => {
  await placeReadyRepository(rig.repository('renamed'))
  const over = roomOver(rig.home, rig.store, declared('before', rig.repository('renamed')), {}, byHand)
  await over.converge()
  await over.room.start()
  expect(await over.done('run', 'before')).toMatchObject({ outcome: 'succeeded' })
  over.declare(declared('after', rig.repository('renamed')))
  await over.converge()
  expect(await over.done('run', 'after')).toMatchObject({ outcome: 'succeeded' })
  expect(await over.standing('after')).toMatchObject({
    state: 'ready',
    message: expect.stringContaining('also keeps 1 of before,'),
  })
  const listed = () => over.room.backups.snapshots('after')
  const [, old] = await listed()
  expect((await listed()).map(({ backup }) => backup)).toEqual(['after', 'before'])
  const order = { snapshot: old?.snapshot ?? '', into: join(rig.disk, 'of-before') }
  expect(await over.done('restore', 'after', order)).toMatchObject({ outcome: 'succeeded' })
  const words = ['tag', '--tag', 'ai-infra,backup:before', '--remove', 'backup:before', '--add', 'backup:after']
  expect(await rig.restic(words, 'renamed')).toMatchObject({ code: 0 })
  expect((await listed()).map(({ backup }) => backup)).toEqual(['after', 'after'])
  await over.room.stop()
})

test('two appliances may keep their backups in one repository', async () => {
  const yaml = declared('shared', rig.repository('shared'))
  await placeReadyRepository(rig.repository('shared'))
  const one = roomOver(rig.home, rig.store, yaml, {}, byHand)
  await one.converge()
  const two = roomOver(rig.home, rig.store, yaml, {}, byHand)
  await Promise.all([one.room.start(), two.room.start()])
  const [a, b] = await Promise.all([one.done('run', 'shared'), two.done('run', 'shared')])
  expect([a.outcome, b.outcome]).toEqual(['succeeded', 'succeeded'])
  await Promise.all([one.room.stop(), two.room.stop()])
})

test('of backups of many days those that are declared to stay do, and what is not ours stays too', async () => {
  await placeReadyRepository(rig.repository('aged'))
  const yaml = declared('aged', rig.repository('aged'), ', keep: { days: 3, weeks: 0, months: 0 }')
  const over = roomOver(rig.home, rig.store, yaml, {}, byHand)
  await over.converge()
  await over.room.start()
  const midnight = Math.floor(Date.now() / day) * day
  const old = join(rig.disk, 'old')
  const seed = async (run: string, days: number, hour: number, part: 'files' | 'postgres' = 'files', appliance = 'one') => {
    await Bun.write(join(old, 'told'), run)
    const time = new Date(midnight - days * day + hour * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
    const identity = { name: 'aged', run, appliance }
    const tags = (part === 'files' ? filesTags(identity) : postgresTags(identity)).flatMap(tag => ['--tag', tag])
    const { code, stderr } = await rig.restic(['backup', '--time', time, ...tags, old], 'aged')
    if (code !== 0) throw new Error(stderr)
  }
  await seed('morning', 2, 1)
  await seed('evening', 2, 13)
  await seed('before', 3, 12)
  await seed('long-ago', 9, 12)
  await seed('unfinished', 5, 12, 'postgres')
  await seed('neighbour', 9, 12, 'files', 'another')
  expect(await over.done('run', 'aged')).toMatchObject({ outcome: 'succeeded' })
  const { stdout } = await rig.restic(['snapshots', '--json'], 'aged')
  const kept = z.array(z.object({ tags: z.array(z.string()) })).parse(JSON.parse(stdout))
  const runs = kept.map(({ tags }) => tags.find(tag => tag.startsWith('run:'))?.slice('run:'.length) ?? '')
  const [newest] = await over.journal.recent('aged', 1)
  expect(runs.sort()).toEqual(['before', 'evening', 'neighbour', newest?.id ?? ''].sort())
  expect((await rig.restic(['dump', '--tag', 'run:evening', 'latest', join(old, 'told')], 'aged')).stdout).toBe('evening')
  expect((await rig.restic(['check', '--read-data'], 'aged')).code).toBe(0)
  await over.room.stop()
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { placeReadyRepository, readyRepository } from '../reconcilers/backups/testing/ready-repository.ts'
import { backupRig } from '../reconcilers/backups/testing/rig.ts'
import { byHand, password, roomOver } from '../reconcilers/backups/testing/room-over.ts'
import { startS3Server } from '../reconcilers/backups/testing/s3-server.ts'
import { explain } from '../runtime/os/errors.ts'
import { makeDirectory } from '../runtime/os/files.ts'
import { spawn, spawnChecked } from '../runtime/os/spawn.ts'
import { testKeys, testRegion } from '../runtime/os/testing/aws-signature.ts'
import { restoreAppliance } from './restore.ts'
import { chooseHere } from './restore-choice.ts'
import type { RestoreOrder } from './restore-order.ts'

setDefaultTimeout(120_000)

let disk: string
beforeAll(async () => {
  disk = await mkdtemp(join(tmpdir(), 'rs-'))
})
afterAll(() => rm(disk, { recursive: true, force: true }))

/** A password that nobody may be asked for. */
const unasked = async () => {
  throw new Error('the password was asked for')
}

const order = (repository: string, changes: Partial<RestoreOrder> = {}): RestoreOrder => ({
  ...{ repository, password: unasked, snapshot: undefined, into: join(disk, 'home'), keys: undefined, region: undefined },
  ...{ hostKey: undefined, identity: undefined, signal: new AbortController().signal, progress: () => {} },
  ...changes,
})

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it was not refused',
    (error: unknown) => explain(error),
  )

test('what is wrong with the words of a restore is said before a password is asked for, with what to do', async () => {
  const keygen = (name: string, phrase: string) =>
    spawnChecked(spawn, ['ssh-keygen', '-q', '-t', 'ed25519', '-N', phrase, '-f', join(disk, name)])
  await keygen('good', '')
  await keygen('locked', 'a phrase')
  await keygen('open', '')
  await chmod(join(disk, 'open'), 0o644)
  const hostKey = `# box:22 SSH-2.0\nbox ssh-ed25519 ${'A'.repeat(68)}\n`
  const sftp = (changes: Partial<RestoreOrder>) => refusal(restoreAppliance(order('sftp:me@box:/atlas', changes)))
  expect(await sftp({})).toContain('sftp wants --host-key')
  expect(await sftp({ hostKey: 'SHA256:abc' })).toContain('not the public key of a server')
  expect(await sftp({ hostKey })).toContain('sftp wants --identity')
  const withKey = (name: string) => sftp({ hostKey, identity: join(disk, name) })
  expect(await withKey('nowhere')).toContain(`${join(disk, 'nowhere')} is not there`)
  expect(await withKey('open')).toContain('chmod 600')
  expect(await withKey('locked')).toContain('has a passphrase, and ssh asks nobody here')
  expect(await withKey('good')).toBe('the password was asked for')
  expect(await refusal(restoreAppliance(order('s3:https://box/atlas')))).toContain(
    'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  )
  const keys = { access: 'me', secret: 'hidden' }
  expect(await refusal(restoreAppliance(order('rest:http://box/atlas', { keys })))).toContain('over https only')
  expect(await readdir(disk)).not.toContain('home')
})

test('a bucket that does not open says why in words of this machine, where no appliance is, and leaves nothing', async () => {
  await using server = startS3Server()
  server.buckets.set('backups', new Map([...readyRepository()].map(([name, bytes]) => [`atlas/${name}`, bytes])))
  const right = { keys: { access: testKeys.accessKeyId, secret: testKeys.secretAccessKey }, region: testRegion, password }
  const restore = (repository: string, changes: Partial<RestoreOrder> = {}) =>
    refusal(restoreAppliance(order(repository, { ...right, ...changes })))
  const wrong = await restore(server.address('atlas'), { password: 'another one' })
  expect(wrong).toContain('the password does not open the repository')
  expect(wrong).not.toContain('another one')
  expect(await restore(server.address('atlas', 'other'))).toContain('see that address, bucket, path and --region are right')
  const refused = await restore(server.address('atlas'), { keys: { ...right.keys, secret: 'wrong' } })
  expect(refused).toContain('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  expect(await restore(server.address('atlas'))).toContain('there is no complete backup in the repository')
  expect(await readdir(disk)).not.toContain('home')
  expect((await readdir(tmpdir())).filter(name => name.startsWith(`ai-infra-restore-${process.pid}-`))).toEqual([])
})

test('nobody is given the newest backup of another appliance that keeps its own in the same repository', () => {
  const at = (time: string, appliance: string, files: string) => ({
    ...{
      name: 'nightly',
      run: files,
      appliance,
      hostname: `host-${appliance}`,
      time: new Date(time),
      files,
      postgres: undefined,
    },
  })
  const [shop, blog] = [at('2026-11-28T02:00Z', 'shop', 'aaaaaaaa1'), at('2026-11-27T02:00Z', 'blog', 'bbbbbbbb1')]
  const now = new Date('2026-11-28T03:00Z')
  const refused = (() => {
    try {
      return chooseHere([shop, blog], undefined, now).run
    } catch (error) {
      return explain(error)
    }
  })()
  expect(refused).toContain('the repository has backups of 2 appliances')
  expect(refused).toContain('bbbbbbbb (nightly of host-blog, 2026-11-27 02:00 UTC)')
  expect(chooseHere([shop, blog], 'bbbb', now)).toBe(blog)
  expect(chooseHere([shop, blog], 'latest', now)).toBe(shop)
  expect(chooseHere([blog], undefined, now)).toBe(blog)
})

test('what a death left whole is put in its place without the repository, also when an older version wrote nothing down', async () => {
  const leave = async (note: string) => {
    const into = await mkdtemp(join(disk, 'left-'))
    await makeDirectory(join(into, '.restore', 'made'))
    await writeFile(join(into, '.restore', 'made', 'lesson.md'), 'a lesson')
    await writeFile(join(into, '.restore', 'whole'), note)
    return into
  }
  const silent = await leave('')
  expect(await restoreAppliance(order('/gone', { into: silent }))).toBeUndefined()
  expect(await readdir(silent)).toEqual(['lesson.md'])
  const note = {
    name: 'nightly',
    hostname: 'box',
    at: '2026-11-28T20:00:00.000Z',
    missing: [],
    environment: ['ANTHROPIC_API_KEY'],
  }
  const telling = await leave(JSON.stringify(note))
  expect(await restoreAppliance(order('/gone', { into: telling }))).toEqual(note)
  expect(await readdir(telling)).toEqual(['lesson.md'])
})

test('a disk that becomes full in the middle ends a restore with what to do, nothing half is taken for whole, and with room it succeeds; two at once leave each other the room', async () => {
  await using rig = await backupRig()
  const yaml = `backups:
  small: { repository: ${rig.repository('small')}, password: "secret:BACKUP_PASSWORD" }
  large: { repository: ${rig.repository('large')}, password: "secret:BACKUP_PASSWORD", what: [memory] }
`
  const over = roomOver(rig.home, rig.store, yaml, {}, byHand)
  for (const name of ['small', 'large']) await placeReadyRepository(rig.repository(name))
  await over.converge()
  await over.room.start()
  expect((await over.done('run', 'small')).outcome).toBe('succeeded')
  await Bun.write(join(rig.home.memory, 'large'), new Uint8Array(100 * 1024 * 1024))
  expect((await over.done('run', 'large')).outcome).toBe('succeeded')
  await over.room.stop()

  const small = join(disk, 'small-disk')
  await mkdir(small)
  const script = join(import.meta.dir, 'testing', 'restore-on-small-disk.ts')
  const bun = [
    process.execPath,
    '--no-env-file',
    '--config=/dev/null',
    script,
    rig.repository('small'),
    rig.repository('large'),
    small,
  ]
  const bwrap = ['bwrap', '--dev-bind', '/', '/', '--size', '250000000', '--tmpfs', small]
  const { code, stdout, stderr } = await spawn([...bwrap, ...bun], { timeout: 100_000 })
  expect([code, stderr]).toEqual([0, ''])
  const found = JSON.parse(stdout)
  expect(found.full).toContain(`the disk of ${join(small, 'home', '.restore', 'made')} became full meanwhile`)
  expect(found.full).toContain('make room there')
  expect(found.left.sort()).toEqual(['.restore', '.restore.lock'])
  expect(found.started).toContain('not all of it is in place')
  expect(found.again).toBe('small is there')
  expect(found.back).toEqual(expect.arrayContaining(['memory', 'postgres', 'www']))
  // The second one may look before or after the first has written: it is refused at once then.
  const forRoom = /became full meanwhile|to spare, and the disk of/
  expect(found.two.filter((each: string) => forRoom.test(each))).not.toEqual([])
  expect(found.least).toBeGreaterThan(0)
  expect(found.alone).toBe('large is there')
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn } from '../../runtime/os/spawn.ts'
import { startRestServer } from './testing/rest-server.ts'
import { backupRig, roomOver } from './testing/rig.ts'
import { startSshd } from './testing/sshd.ts'

setDefaultTimeout(120_000)

let rig: Awaited<ReturnType<typeof backupRig>>
beforeAll(async () => {
  rig = await backupRig()
})
afterAll(() => rig?.[Symbol.asyncDispose]())

const declared = (name: string, repository: string, more = '') =>
  `backups:\n  ${name}: { repository: "${repository}", password: "secret:BACKUP_PASSWORD", what: [sites, memory], drill: never, schedule: "0 2 1 1 *"${more} }\n`

test('a server with SSH is backed up to with a key of our own, once it lets that in and shows the key that was declared', async () => {
  await using sshd = await startSshd()
  await mkdir(join(rig.disk, 'away'))
  const yaml = (key: string) =>
    declared('away', `sftp://${sshd.user}@127.0.0.1:${sshd.port}/${join(rig.disk, 'away', 'atlas')}`, `, host_key: "${key}"`)
  const over = roomOver(rig.home, rig.store, yaml(sshd.hostKey))
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
  const server = startRestServer('atlas', 'rest-password')
  const yaml = declared('web', server.address, ', access_key: "secret:REST_USER", secret_key: "secret:REST_PASSWORD"')
  const over = roomOver(rig.home, rig.store, yaml)
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

test('a full disk is said, what was backed up before stays, and room is enough to go on', async () => {
  const script = join(import.meta.dir, 'testing', 'on-full-disk.ts')
  const small = join(rig.disk, 'small')
  await mkdir(small)
  const bun = [process.execPath, '--no-env-file', '--config=/dev/null', script, rig.home.root, small]
  const { code, stdout, stderr } = await spawn(['bwrap', '--dev-bind', '/', '/', '--size', '3000000', '--tmpfs', small, ...bun], {
    timeout: 100_000,
  })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const [first, full, again] = JSON.parse(stdout)
  expect(first.outcome).toBe('succeeded')
  expect(full).toMatchObject({ outcome: 'failed', message: expect.stringContaining('there is no space left for the repository') })
  expect(again.outcome).toBe('succeeded')
})

test('a repository inside what it keeps is refused, as is a folder that the appliance may not write', async () => {
  const inside = roomOver(rig.home, rig.store, declared('inside', join(rig.home.www, 'shop')))
  await expect(inside.converge()).rejects.toThrow('would lie inside what it keeps')
  const foreign = roomOver(rig.home, rig.store, declared('foreign', '/usr/backups'))
  await expect(foreign.converge()).rejects.toThrow('the appliance may not write there')
})

test('two appliances may keep their backups in one repository', async () => {
  const yaml = declared('shared', rig.repository('shared'))
  const one = roomOver(rig.home, rig.store, yaml)
  await one.converge()
  const two = roomOver(rig.home, rig.store, yaml)
  await Promise.all([one.room.start(), two.room.start()])
  const [a, b] = await Promise.all([one.done('run', 'shared'), two.done('run', 'shared')])
  expect([a.outcome, b.outcome]).toEqual(['succeeded', 'succeeded'])
  await Promise.all([one.room.stop(), two.room.stop()])
})

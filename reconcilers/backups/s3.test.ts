import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testKeys, testRegion } from '../../runtime/os/testing/aws-signature.ts'
import { readyRepository } from './testing/ready-repository.ts'
import { backupRig } from './testing/rig.ts'
import { byHand, roomOver } from './testing/room-over.ts'
import { type S3Server, startS3Server } from './testing/s3-server.ts'

setDefaultTimeout(120_000)

let rig: Awaited<ReturnType<typeof backupRig>>
let server: S3Server
let over: ReturnType<typeof bucket>

const declared = (name: string, address: string, more = '') =>
  `  ${name}: { repository: "${address}", password: "secret:BACKUP_PASSWORD", access_key: "secret:S3_KEY", secret_key: "secret:S3_SECRET", what: [desired-state, sites, memory], check_percent: 100${more} }\n`

const away = () => declared('away', server.address('atlas'), `, region: ${testRegion}`)

/** A room that keeps backups in a bucket, with the right keys. */
function bucket(yaml: string) {
  const made = roomOver(rig.home, rig.store, `backups:\n${yaml}`, {}, byHand)
  made.secrets.set('S3_KEY', testKeys.accessKeyId).set('S3_SECRET', testKeys.secretAccessKey)
  return made
}

/** Lays an empty repository into a bucket. */
function place(into: S3Server, path: string): void {
  const objects = [...readyRepository()].map(([name, bytes]) => [`${path}/${name}`, bytes] as const)
  into.buckets.set('backups', new Map([...(into.buckets.get('backups') ?? []), ...objects]))
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it was not refused',
    (error: unknown) => String(error),
  )

beforeAll(async () => {
  rig = await backupRig()
  server = startS3Server()
  place(server, 'atlas')
  over = bucket(away())
  await over.converge()
  await over.room.start()
})
afterAll(async () => {
  await over?.room.stop()
  await server?.[Symbol.asyncDispose]()
  await rig?.[Symbol.asyncDispose]()
})

test('a bucket is backed up to, tried out, listed over several pages and restored from, each request signed', async () => {
  for (const round of ['one', 'two', 'three']) {
    await Bun.write(join(rig.home.memory, round), crypto.getRandomValues(new Uint8Array(200_000)))
    expect(await over.done('run', 'away')).toMatchObject({ outcome: 'succeeded' })
  }
  expect(await over.room.backups.snapshots('away')).toHaveLength(3)
  const tried = await over.done('verify', 'away')
  expect(tried.message).toMatch(/^0 tables with 0 rows, 1 repositories and \d+ files are as they were$/)
  const into = join(rig.disk, 'from-a-bucket')
  expect(await over.done('restore', 'away', { into })).toMatchObject({ outcome: 'succeeded' })
  expect(await readFile(join(into, 'www', 'shop', 'index.html'), 'utf8')).toBe('the shop')
  expect(new Set(server.asked)).toContain('GET bucket continuation-token delimiter encoding-type fetch-owner list-type prefix')
})

test('wrong keys are said, and neither they nor the right ones are in any message', async () => {
  over.secrets.set('S3_SECRET', 'a-wrong-secret')
  const failed = await over.done('run', 'away')
  expect(failed.message).toContain('the server refuses the keys')
  expect(failed.message).toContain('set what access_key and secret_key name anew')
  over.secrets.set('S3_SECRET', testKeys.secretAccessKey).set('S3_KEY', 'AKIANOBODY')
  const unknown = await over.done('run', 'away')
  expect(unknown.message).toContain('the server refuses the keys')
  expect(await over.standing('away')).toMatchObject({ state: 'stalled', reason: 'no-entry' })
  for (const word of ['a-wrong-secret', 'AKIANOBODY', testKeys.secretAccessKey])
    expect(failed.message + unknown.message).not.toContain(word)
  over.secrets.set('S3_KEY', testKeys.accessKeyId)
})

test('a bucket that is not there is made where the keys may, and else it is said; its region is found out', async () => {
  const missing = bucket(away() + declared('fresh', server.address('atlas', 'nowhere')))
  server.mayCreate = false
  expect(await refusal(missing.converge())).toContain('there is no such bucket, and the keys may not make one')
  server.mayCreate = true
  await missing.converge()
  expect([...(server.buckets.get('nowhere')?.keys() ?? [])].map(key => key.split('/')[1])).toContain('config')
})

test('a full bucket is said at once, what was there stays, and a server that was asked too much is obeyed', async () => {
  await Bun.write(join(rig.home.memory, 'four'), crypto.getRandomValues(new Uint8Array(200_000)))
  server.room = 0
  const began = performance.now()
  const full = await over.done('run', 'away')
  expect(full).toMatchObject({ outcome: 'failed', message: expect.stringContaining('there is no space left for the repository') })
  // restic alone would try it for a minute.
  expect(performance.now() - began).toBeLessThan(20_000)
  expect(await over.standing('away')).toMatchObject({ state: 'failed', reason: 'full' })
  server.room = Number.POSITIVE_INFINITY
  server.slow = 3
  expect(await over.done('run', 'away')).toMatchObject({ outcome: 'succeeded' })
  expect(await over.room.backups.snapshots('away')).toHaveLength(4)
  expect([...(server.buckets.get('backups')?.keys() ?? [])].filter(key => key.startsWith('atlas/locks/'))).toEqual([])
})

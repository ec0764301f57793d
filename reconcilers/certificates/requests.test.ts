import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { startTestStore, type TestStore } from '../../runtime/store/testing/postgres.ts'
import { createAttempts } from './attempts.ts'
import { pauseAfter } from './pause.ts'
import { createRenewals } from './renewals.ts'
import { type CertificateRequest, createRequests } from './requests.ts'
import { type Front, startFront } from './testing/front.ts'
import { createRig, type Rig } from './testing/rig.ts'

setDefaultTimeout(120_000)

let rig: Rig
let front: Front
let database: TestStore
beforeAll(async () => {
  rig = await createRig()
  front = await startFront(rig.pebble)
  database = await startTestStore()
  await rig.converge(shop)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await front[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
})

const shop = '  shop.example.com: { root: shop, tls: acme }\n'
const names = { host: 'shop.example.com', aliases: [] }
const issued = () => rig.certificates.issued(names, rig.pebble.directory)
const ask = (action: CertificateRequest['action'], certificate = issued()?.id ?? '') =>
  rig.requests.set(names.host, { host: names.host, action, certificate, by: 'ada', at: rig.clock.now() })
const keyOf = (id: string) =>
  new X509Certificate(rig.certificates.chainOf(names.host, id)).publicKey.export({ type: 'spki', format: 'der' })

test('a renewal that was asked for comes once, with a new key', async () => {
  const before = issued()?.id ?? ''
  ask({ type: 'renew' })
  const { first, second } = await rig.converge(shop)
  expect(first.changes.map(({ summary }) => summary)).toEqual(['renew it from 127.0.0.1 for shop.example.com, as ada asked'])
  expect([second.changes, rig.requests.size]).toEqual([[], 0])
  const after = issued()?.id ?? ''
  expect(after).not.toBe(before)
  expect(keyOf(after)).not.toEqual(keyOf(before))
})

test('a renewal that has come by other means is not made once more', async () => {
  ask({ type: 'renew' }, 'another')
  expect((await rig.look(shop)).changes).toEqual([])
  rig.requests.clear()
})

test('a certificate is revoked after another one serves in its place, and never serves again', async () => {
  const before = issued()?.id ?? ''
  ask({ type: 'revoke', reason: 'superseded' })
  const { first, second, steps } = await rig.converge(shop)
  expect(first.changes.map(({ summary }) => summary)).toEqual([
    'revoke it (superseded) and obtain another one with a new key, as ada asked',
  ])
  expect(steps).toEqual(['begin', 'requested', 'ordered', 'shown', 'hidden', 'issued', 'kept', 'served', 'revoked', 'closed'])
  expect(second.changes).toEqual([])
  expect(issued()?.id).not.toBe(before)
  expect(await rig.pebble.isRevoked(rig.certificates.chainOf(names.host, before))).toBe(true)
  expect(await rig.pebble.isRevoked(rig.certificates.chainOf(names.host, issued()?.id ?? ''))).toBe(false)
})

test('where no other one is to be had it is revoked all the same; an older one with another key serves until there is one', async () => {
  const before = issued()?.id ?? ''
  const chain = rig.certificates.chainOf(names.host, before)
  // With the key of the one that is revoked.
  await cp(rig.certificates.folderOf(names.host, before), rig.certificates.folderOf(names.host, 'ffffffffffffffff'), {
    recursive: true,
  })
  ask({ type: 'revoke', reason: 'superseded' }, before)
  await rig.bind.byHand('update delete shop.example.com. A')
  await expect(rig.converge(shop)).rejects.toThrow('gave no certificate')
  const older = issued()?.id ?? ''
  expect([before, 'ffffffffffffffff', '']).not.toContain(older)
  expect(rig.certificates.chosen({ ...names, tls: 'acme' }).shares[0]?.certificate.id).toBe(older)
  expect([await rig.pebble.isRevoked(chain), await rig.pebble.isRevoked(rig.certificates.chainOf(names.host, older))]).toEqual([
    ...[true, false],
  ])
  await rig.bind.byHand('update add shop.example.com. 60 A 127.0.0.1')
  const { first, second } = await rig.converge(shop)
  expect(first.changes.map(({ summary }) => summary)).toEqual(['renew it from 127.0.0.1 for shop.example.com, as ada asked'])
  expect([second.changes, rig.requests.size, issued()?.id === older]).toEqual([[], 0, false])
})

test('a key that was stolen takes those that lie beside it with it: their certificates are revoked too, also of another host', async () => {
  ask({ type: 'renew' })
  await rig.converge(shop)
  const before = issued()?.id ?? ''
  const folders = (await rig.certificates.everywhere(rig.home))
    .filter(({ folder }) => !folder.endsWith(before))
    .map(({ folder }) => folder)
  expect(folders.length).toBeGreaterThan(1)
  // As it is after a name has moved: the same certificate at another host.
  const moved = { host: 'moved.example.com', aliases: [names.host] }
  await rig.certificates.inherit(moved, () => rig.certificates.everywhere(rig.home))
  const chains = await Promise.all(
    [before, ...folders.map(folder => basename(folder))].map(id => rig.certificates.chainOf(names.host, id)),
  )
  expect(rig.certificates.newest(moved).map(({ name }) => name)).toEqual([names.host])
  ask({ type: 'revoke', reason: 'keycompromise' })
  // As the sites do it once they serve the new one, before the old ones are revoked.
  const served = () => rig.certificates.tidy(names.host, [issued()?.id ?? ''])
  expect((await rig.converge(shop, { reconciler: rig.reconciler({ served }) })).second.changes).toEqual([])
  expect(await Promise.all(chains.map(chain => rig.pebble.isRevoked(chain)))).toEqual(chains.map(() => true))
  expect(await rig.pebble.isRevoked(rig.certificates.chainOf(names.host, issued()?.id ?? ''))).toBe(false)
  expect(rig.certificates.newest(moved)).toEqual([])
})

test('where there is no older one either, the host serves its own until there is one', async () => {
  const before = issued()?.id ?? ''
  const chain = rig.certificates.chainOf(names.host, before)
  const others = (await readdir(dirname(rig.certificates.folderOf(names.host, before)))).filter(id => id !== before)
  for (const id of others) await rm(rig.certificates.folderOf(names.host, id), { recursive: true })
  ask({ type: 'revoke', reason: 'keycompromise' })
  await rig.bind.byHand('update delete shop.example.com. A')
  await expect(rig.converge(shop)).rejects.toThrow('gave no certificate')
  expect([await rig.pebble.isRevoked(chain), rig.requests.size, issued()]).toEqual([true, 0, undefined])
  const own = await rig.certificates.make(names)
  expect(rig.certificates.chosen({ ...names, tls: 'acme' }).shares).toEqual([])
  expect(rig.certificates.own(names, new Set())?.id).toBe(own)
  await rig.bind.byHand('update add shop.example.com. 60 A 127.0.0.1')
  expect((await rig.converge(shop)).second.changes).toEqual([])
  expect(issued()?.id).not.toBe(before)
})

test('a revocation that is open when its domain goes is made all the same, from the archive if need be; files that are gone are told of', async () => {
  const before = issued()?.id ?? ''
  const chain = rig.certificates.chainOf(names.host, before)
  ask({ type: 'revoke', reason: 'cessationofoperation' }, before)
  // As it was written when the file of the authority's own authority was not: the one that is declared counts.
  await writeFile(join(rig.certificates.folderOf(names.host, before), 'issuer'), `${rig.directory}\n`)
  await rig.certificates.archive(rig.home, names.host)
  const { first, steps, second } = await rig.converge('')
  expect(first.changes.map(({ key, summary }) => `${key}: ${summary}`)).toEqual([
    'shop.example.com: revoke it (cessationofoperation), as ada asked before its domain was taken away',
    'shop.example.com: no longer renew it, move what certbot has of it to the archive',
  ])
  expect(steps).toEqual(['begin', 'revoked', 'closed', 'begin', 'archived'])
  expect([await rig.pebble.isRevoked(chain), rig.requests.size, second.changes]).toEqual([true, 0, []])
  ask({ type: 'revoke', reason: 'keycompromise' }, '0123456789abcdef')
  expect(await rig.look('')).toMatchObject({
    changes: [],
    obstacles: [{ key: names.host, state: 'stalled', reason: 'not-revoked' }],
  })
  rig.requests.clear()
})

test('tries that a clock wrote down that was ahead drive none out that is made after it was put right', async () => {
  const attempts = createAttempts(database.store)
  const [now, decade] = [rig.clock.now().getTime(), 87_660 * 3_600_000]
  const failed = { host: 'b.example.com', directory: 'https://ca.example.com', failure: 'no', notBefore: undefined }
  const newest = async () => (await attempts.recent([failed.host])).get(failed.host) ?? []
  for (let minute = 0; minute < 25; minute++) await attempts.record({ ...failed, at: new Date(now + decade + minute * 60_000) })
  expect(pauseAfter(await newest(), now)).toBeUndefined()
  for (const seconds of [1, 2, 3]) await attempts.record({ ...failed, at: new Date(now + seconds * 1_000) })
  const kept = await newest()
  expect(kept).toHaveLength(20)
  expect(kept.slice(0, 3).map(({ at }) => at.getTime() - now)).toEqual([3_000, 2_000, 1_000])
  expect(pauseAfter(kept, now + 4_000)).toEqual(new Date(now + 1_000 + 3_600_000))
})

test('what is known of tries, suggestions and requests is there after a restart', async () => {
  const at = new Date('2026-11-28T12:00:00Z')
  const [attempts, renewals, requests] = [
    createAttempts(database.store),
    createRenewals(database.store),
    createRequests(database.store),
  ]
  const attempt = {
    host: 'a.example.com',
    at,
    directory: 'https://ca.example.com',
    failure: 'no',
    notBefore: new Date(at.getTime() + 1),
  }
  await attempts.record(attempt)
  expect((await attempts.recent(['a.example.com'])).get('a.example.com')).toEqual([attempt])
  expect((await attempts.ofAccounts()).size).toBe(0)
  for (const failure of ['no', 'not yet']) await attempts.record({ ...attempt, failure, scope: 'account' })
  await attempts.record({ ...attempt, host: 'c.example.com' })
  expect([...(await attempts.ofAccounts())]).toEqual([[attempt.directory, { ...attempt, failure: 'not yet', scope: 'account' }]])
  const renewal = { certificate: 'c', host: 'a.example.com', explanation: undefined, askAt: at, failures: 1 }
  for (const suggested of [undefined, { start: at, end: at, moment: at }]) {
    await renewals.keep({ ...renewal, suggested })
    expect([...(await renewals.of(['c'])).values()]).toEqual([{ ...renewal, suggested }])
  }
  await renewals.keep({ ...renewal, certificate: 'd', suggested: undefined })
  expect([...(await renewals.of(['c', 'd'])).keys()]).toEqual(['d'])
  const request = { host: 'a.example.com', certificate: 'c', by: 'ada', at }
  const revoke = { ...request, action: { type: 'revoke', reason: 'superseded' } as const }
  await requests.ask({ ...request, action: { type: 'renew' } })
  await requests.ask(revoke)
  await requests.ask({ ...request, action: { type: 'renew' } })
  expect([...(await requests.open()).values()]).toEqual([revoke])
  // Asked again after another one has taken its place: what was to be revoked still is, for the newer reason.
  await requests.ask({ ...revoke, certificate: 'newer', by: 'bob', action: { type: 'revoke', reason: 'keycompromise' } })
  expect([...(await requests.open()).values()]).toEqual([{ ...revoke, action: { type: 'revoke', reason: 'keycompromise' } }])
  await requests.ask(revoke)
  await requests.close({ ...request, certificate: 'another' }, 'revoke')
  await requests.renewInstead({ ...request, certificate: 'another' }, 'older')
  expect([...(await requests.open()).values()]).toEqual([revoke])
  await requests.renewInstead(request, 'older')
  expect([...(await requests.open()).values()]).toEqual([{ ...request, certificate: 'older', action: { type: 'renew' } }])
  await requests.ask(revoke)
  await requests.close(request, 'revoke')
  expect((await requests.open()).size).toBe(0)
})

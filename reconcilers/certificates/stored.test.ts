import { afterEach, beforeEach, expect, test } from 'bun:test'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Home, homeAt } from '../../runtime/os/home.ts'
import { spawn } from '../../runtime/os/spawn.ts'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import { archiveWebRoot } from '../sites/web-roots.ts'
import { copyCertificate, isRevoked, markRevoked } from './revoked.ts'
import { createCertificates } from './stored.ts'

const names = { host: 'shop.example.com', aliases: [] }
let home: Home
beforeEach(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'cs-')))
})
afterEach(() => rm(home.root, { recursive: true, force: true }))

const stored = () => createCertificates(nginxLayout(home), spawn, () => new Date())

/** As if an authority had given it: what is not looked at here is who has signed. */
async function given() {
  const certificates = stored()
  const id = await certificates.make(names)
  const folder = certificates.folderOf(names.host, id)
  await writeFile(join(folder, 'issuer'), 'https://acme.example.com/directory\n\n')
  return { certificates, id, folder }
}

test('what a web root holds passes for no certificate of an authority once its site is gone, whatever it is called', async () => {
  const { certificates, id, folder } = await given()
  for (const root of ['certificates-x', 'certificates']) {
    await mkdir(join(home.www, root), { recursive: true })
    await cp(folder, join(home.www, root, id), { recursive: true })
    // As a folder of one host, and as one of all hosts.
    await cp(folder, join(home.www, root, names.host, '2026-11-28-120000000', id), { recursive: true })
    await archiveWebRoot(home, root, new Date())
  }
  expect((await certificates.everywhere(home)).map(one => one.folder)).toEqual([folder])
  await certificates.archive(home, names.host)
  expect((await certificates.everywhere(home)).map(one => one.id)).toEqual([id])
})

test('a certificate that is revoked while it is copied to other hosts serves none of them', async () => {
  const { certificates, folder } = await given()
  const others = Array.from({ length: 12 }, (_, number) => ({ host: `host${number}.example.com`, aliases: [names.host] }))
  const before = await certificates.everywhere(home)
  const copying = others.map(other => certificates.inherit(other, async () => before))
  await Promise.all([...copying, markRevoked(folder, home)])
  expect(others.filter(other => certificates.newest(other).length > 0)).toEqual([])
  await certificates.inherit({ host: 'late.example.com', aliases: [names.host] }, async () => before)
  expect(await readdir(nginxLayout(home).certificates)).not.toContain('late.example.com')
})

test('a copy that is not done yet is marked with what it is a copy of, whichever comes first', async () => {
  const { folder } = await given()
  const [begun, later] = [join(dirname(folder), '.new-begun'), join(home.root, 'later')]
  for (const each of [begun, later]) await mkdir(each)
  await copyCertificate(folder, begun)
  expect(isRevoked(begun)).toBe(false)
  await markRevoked(folder, home)
  await copyCertificate(folder, later)
  expect([isRevoked(begun), isRevoked(later)]).toEqual([true, true])
})

test('certificates that are put into the folder of one host at once are all whole; what a death left goes', async () => {
  const certificates = stored()
  const parent = dirname(certificates.folderOf(names.host, '0'))
  for (const left of ['.new', '.new-1-1-x']) await mkdir(join(parent, left), { recursive: true })
  const ids = await Promise.all([1, 2, 3].map(() => certificates.make(names)))
  expect((await readdir(parent)).sort()).toEqual([...new Set(ids)].sort())
  expect(ids.map(id => certificates.chainOf(names.host, id).includes('BEGIN CERTIFICATE'))).toEqual([true, true, true])
})

test('however many an authority has given, none that has not ended is removed, as its key may turn out to be stolen; of others, few are kept', async () => {
  const all = [await given(), await given(), await given(), await given()] as const
  const [used, revoked] = all
  await markRevoked(revoked.folder, home)
  for (let more = 0; more < 3; more++) await used.certificates.make(names)
  await used.certificates.tidy(names.host, [used.id])
  expect((await readdir(dirname(used.folder))).sort()).toEqual(all.map(({ id }) => id).sort())
})

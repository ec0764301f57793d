import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/os/clock.ts'
import { type Home, homeAt } from '../../runtime/os/home.ts'
import { type Spawn, spawn } from '../../runtime/os/spawn.ts'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import { applyCertificate } from './apply.ts'
import type { Attempt } from './attempts.ts'
import { issuerFolder } from './issuer.ts'
import { makeSelfSigned } from './self-signed.ts'
import { createCertificates } from './stored.ts'

setDefaultTimeout(60_000)

const directory = 'https://acme.example.com/directory'
const staging = 'https://staging.example.com/directory'
const item = { host: 'shop.example.com', aliases: [], issuer: { directory, staging, authorities: undefined, email: undefined } }

let home: Home
beforeEach(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'ct-')))
})
afterEach(() => rm(home.root, { recursive: true, force: true }))

/** As certbot leaves a lineage; who signed it does not matter here. */
async function lineage(folder: string, at: string): Promise<void> {
  const live = join(folder, issuerFolder(at), 'config', 'live', item.host)
  await mkdir(live, { recursive: true })
  await makeSelfSigned(spawn, live, item)
  await rename(join(live, 'certificate.pem'), join(live, 'fullchain.pem'))
  await rename(join(live, 'key.pem'), join(live, 'privkey.pem'))
}

/** A certbot that succeeds or refuses, and what was asked of it. */
function room(refuses: readonly string[] = []) {
  const places = { folder: join(home.root, 'certbot'), challenges: join(home.root, 'acme') }
  const asked: string[] = []
  const attempts: Attempt[] = []
  const served: string[] = []
  const certbot: Spawn = async argv => {
    const at = argv[argv.indexOf('--server') + 1] ?? ''
    asked.push(at)
    if (refuses.includes(at)) return { code: 1, stdout: 'Detail: no such name', stderr: '' }
    await lineage(places.folder, at)
    return { code: 0, stdout: '', stderr: '' }
  }
  const certificates = createCertificates(nginxLayout(home), spawn, () => new Date())
  const apply = (rehearsal = false, fatal = '') =>
    applyCertificate(
      {
        ...{ home, spawn: certbot, clock: systemClock, places, certificates },
        attempts: { recent: async () => new Map(), record: async attempt => void attempts.push(attempt) },
        served: async host => void served.push(host),
      },
      item.host,
      { type: 'obtain', item, rehearsal },
      {
        signal: new AbortController().signal,
        progress: () => {},
        step: async name => {
          if (name === fatal) throw new Error(`killed at ${name}`)
        },
      },
    )
  return { asked, attempts, served, certificates, apply }
}

test('a certificate is kept under its content, with its authority, and serves before the self-signed one', async () => {
  const { apply, certificates, served } = room()
  const own = await certificates.make(item)
  await apply()
  const usable = certificates.usable({ ...item, tls: 'acme' }, own)
  expect(usable?.directory).toBe(directory)
  expect(certificates.usable({ ...item, tls: 'self-signed' }, own)?.id).toBe(own)
  expect(served).toEqual([item.host])
})

test('what the authority gave before a death is taken up, and nothing is asked for again', async () => {
  const { apply, asked, certificates } = room()
  await expect(apply(false, 'issued')).rejects.toThrow('killed at issued')
  expect(certificates.issued(item, directory)).toBeUndefined()
  await apply()
  expect(asked).toEqual([directory])
  expect(certificates.issued(item, directory)).toBeDefined()
})

test('after a failed try the staging directory is asked first, and only if that gives one the authority itself', async () => {
  const refused = room([staging])
  await expect(refused.apply(true)).rejects.toThrow('staging.example.com gave no certificate: no such name')
  expect(refused.asked).toEqual([staging])
  expect(refused.attempts).toMatchObject([{ directory: staging, failure: expect.stringContaining('no such name') }])
  const { apply, asked, attempts } = room()
  await apply(true)
  expect(asked).toEqual([staging, directory])
  expect(attempts.map(({ failure }) => failure)).toEqual([undefined, undefined])
})

test('a certificate for other names, or with another key, is not kept', async () => {
  const { certificates } = room()
  const folder = join(home.root, 'one')
  await lineage(folder, directory)
  const live = join(folder, issuerFolder(directory), 'config', 'live', item.host)
  const [chain, key] = [await Bun.file(join(live, 'fullchain.pem')).text(), await Bun.file(join(live, 'privkey.pem')).text()]
  const others = { host: 'other.example.com', aliases: [] }
  await expect(certificates.keep(others, { chain, key, directory })).rejects.toThrow('it is not for other.example.com')
  const second = join(home.root, 'two')
  await lineage(second, directory)
  const otherKey = await Bun.file(join(second, issuerFolder(directory), 'config', 'live', item.host, 'privkey.pem')).text()
  await expect(certificates.keep(item, { chain, key: otherKey, directory })).rejects.toThrow('its key is another one')
  await expect(certificates.keep(item, { chain: 'nonsense', key, directory })).rejects.toThrow('it cannot be read')
})

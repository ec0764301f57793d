import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../runtime/os/clock.ts'
import { type Home, homeAt } from '../../runtime/os/home.ts'
import { spawn } from '../../runtime/os/spawn.ts'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import { applyCertificate } from './apply.ts'
import type { Attempt } from './attempts.ts'
import type { Certbot } from './certbot.ts'
import type { CertificateItem } from './item.ts'
import type { ObtainDeps } from './obtain.ts'
import { givenIn, orderFiles } from './order.ts'
import { hostPlaces } from './places.ts'
import type { CertificateAction } from './plan.ts'
import { refusal } from './refusal.ts'
import { makeSelfSigned } from './self-signed.ts'
import { createCertificates } from './stored.ts'
import { rememberedRequests, servingSites } from './testing/remembered.ts'

setDefaultTimeout(120_000)

const directory = 'https://acme.example.com/directory'
const staging = 'https://staging.example.com/directory'
const item: CertificateItem = {
  ...{ host: 'shop.example.com', aliases: [], proof: { type: 'http' } },
  issuer: { directory, staging, authorities: undefined, email: undefined },
}

let home: Home
beforeEach(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'ct-')))
})
afterEach(() => rm(home.root, { recursive: true, force: true }))

/** As an order is left; who signed it does not matter here. */
async function give(folder: string, [host = item.host, ...aliases]: readonly string[] = []): Promise<void> {
  await mkdir(folder, { recursive: true })
  await makeSelfSigned(spawn, folder, { host, aliases })
  const { certificate, chain, both } = orderFiles(folder)
  await writeFile(chain, '')
  await copyFile(certificate, both)
}

/** A certbot that succeeds or refuses, and what was asked of it. */
function room(refuses: readonly string[] = [], sites: ObtainDeps['sites'] = servingSites.sites) {
  const places = { folder: join(home.root, 'certbot'), challenges: join(home.root, 'acme'), sockets: join(home.root, 'run') }
  const asked: string[] = []
  const orders: (readonly string[])[] = []
  const looked: string[] = []
  const attempts: Attempt[] = []
  const served: string[] = []
  const withdrawn: (readonly [string, string | undefined])[] = []
  const certbot: Certbot = {
    async obtain({ directory: at, host, names, ready }) {
      asked.push(at)
      orders.push(names)
      if (refuses.includes('at once')) throw refusal({ directory: at }, 'Detail: away', new Date())
      await ready()
      looked.push(at)
      if (refuses.includes(at)) throw refusal({ directory: at }, 'Detail: no such name', new Date())
      const refused = names.filter(name => refuses.includes(name)).map(name => `Domain: ${name}\nDetail: no such name`)
      if (refused.length > 0) throw refusal({ directory: at }, refused.join('\n'), new Date())
      await give(hostPlaces(places, at, host).order, names)
    },
    async revoke() {
      if (refuses.includes('revocations')) throw new Error('the authority is away')
    },
  }
  const certificates = createCertificates(nginxLayout(home), spawn, () => new Date())
  const apply = (rehearsal = false, fatal = '', settled?: () => Promise<void>, ahead = settled !== undefined) =>
    act({ type: 'obtain', item, rehearsal, ahead, needy: [] }, fatal, settled)
  const act = (action: CertificateAction, fatal = '', settled?: () => Promise<void>) =>
    applyCertificate(
      {
        ...{ home, certbot, clock: systemClock, places, certificates, requests: rememberedRequests(new Map()) },
        issuer: () => item.issuer,
        ...{
          resolve: async name => (refuses.includes(`${name} in DNS`) ? [] : ['203.0.113.5']),
          own: [],
          recordLacks: () => undefined,
          sites,
        },
        providers: () => {
          throw new Error('nothing is put into DNS')
        },
        attempts: {
          recent: async () => new Map(),
          ofAccounts: async () => new Map(),
          record: async attempt => void attempts.push(attempt),
        },
        served: async ({ host }) => void served.push(host),
        withdrawn: host => void withdrawn.push([host, certificates.issued(item, directory)?.id]),
      },
      item.host,
      action,
      {
        signal: new AbortController().signal,
        progress: () => {},
        ...(settled === undefined ? {} : { settled }),
        step: async name => {
          if (name === fatal) throw new Error(`killed at ${name}`)
        },
      },
    )
  return { asked, orders, looked, attempts, served, withdrawn, certificates, apply, act }
}

test('a certificate is kept under its content, with its authority, and serves before the self-signed one', async () => {
  const { apply, certificates, served } = room()
  const own = await certificates.make(item)
  await apply()
  const { shares, uncovered } = certificates.chosen({ ...item, tls: 'acme' })
  expect([shares.map(({ certificate }) => certificate.directory), uncovered]).toEqual([[directory], []])
  expect(certificates.chosen({ ...item, tls: 'self-signed' }).shares).toEqual([])
  expect(certificates.own(item, new Set())?.id).toBe(own)
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

test('the first try begins while the site is being made, and the authority looks for nothing before it is there', async () => {
  const made = Promise.withResolvers<void>()
  const { apply, asked, looked, served } = room([], { isChanging: () => true, lacks: async () => undefined })
  const applying = apply(false, '', () => made.promise)
  while (asked.length === 0) await Bun.sleep(1)
  expect([asked, looked]).toEqual([[directory], []])
  made.resolve()
  await applying
  expect([looked, served]).toEqual([[directory], [item.host]])
})

test('where the site does not come the authority looks for nothing, and nothing counts against the name', async () => {
  const lacks = async () => 'it is failed: nginx refuses it'
  const ahead = room([], { isChanging: () => true, lacks })
  const words = 'it has no site to serve it, so acme.example.com is not asked: it is failed: nginx refuses it'
  await expect(ahead.apply(false, '', async () => {})).rejects.toMatchObject({ kind: 'waiting', message: words })
  expect([ahead.asked, ahead.looked, ahead.attempts]).toEqual([[directory], [], []])
  const away = room(['at once'], { isChanging: () => true, lacks })
  await expect(away.apply(false, '', async () => {})).rejects.toThrow(words)
  expect([away.asked, away.attempts]).toEqual([[directory], []])
  for (const [sites, first] of [
    [{ isChanging: () => false, lacks }, true],
    [{ isChanging: () => true, lacks }, false],
  ] as const) {
    const later = room([], sites)
    await expect(later.apply(false, '', async () => {}, first)).rejects.toThrow(words)
    expect(later.asked).toEqual([])
  }
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
  const given = async (name: string) => {
    await give(join(home.root, name))
    return (await givenIn(join(home.root, name))) ?? { chain: '', key: '' }
  }
  const [one, two] = [await given('one'), await given('two')]
  const gave = { directory, authorities: undefined }
  const others = { host: 'other.example.com', aliases: [] }
  await expect(certificates.keep(others, { ...one, ...gave })).rejects.toThrow('it is not for other.example.com')
  await expect(certificates.keep(item, { ...one, key: two.key, ...gave })).rejects.toThrow('its key is another one')
  await expect(certificates.keep(item, { ...one, chain: 'nonsense', ...gave })).rejects.toThrow('it cannot be read')
})

test('what certbot was killed in the middle of is not taken for a whole', async () => {
  const folder = join(home.root, 'one')
  await give(folder)
  const { chain, both } = orderFiles(folder)
  expect(await givenIn(folder)).toBeDefined()
  await writeFile(chain, 'the authority that signed it')
  expect(await givenIn(folder)).toBeUndefined()
  await rm(both)
  expect(await givenIn(folder)).toBeUndefined()
})

test('a key that is not the one of its certificate, and a certificate that cannot be read, count as none', async () => {
  const { apply, certificates } = room()
  await apply()
  const kept = certificates.issued(item, directory)
  const folder = join(nginxLayout(home).certificates, item.host, kept?.id ?? '')
  const key = await Bun.file(join(folder, 'key.pem')).text()
  await give(join(home.root, 'other'))
  await copyFile(join(home.root, 'other', 'key.pem'), join(folder, 'key.pem'))
  expect(certificates.issued(item, directory)).toBeUndefined()
  await writeFile(join(folder, 'key.pem'), key)
  expect(certificates.issued(item, directory)?.id).toBe(kept?.id)
  await writeFile(join(folder, 'certificate.pem'), '-----BEGIN CERTIFICATE-----\nMIIB')
  expect(certificates.chosen({ ...item, tls: 'acme' }).shares).toEqual([])
})

test('a revocation that does not succeed holds nothing up: the host gets another one, also of a new authority, and renewals', async () => {
  const { act, apply, asked, certificates } = room(['revocations'])
  await apply()
  const certificate = certificates.issued(item, directory)?.id ?? ''
  const tried = async (declared: CertificateItem, due: boolean) => {
    asked.length = 0
    const action = { type: 'revoke', item: declared, certificate, reason: 'superseded', replace: true, due } as const
    await expect(act(action)).rejects.toThrow('the authority is away')
    return [...asked]
  }
  const other = 'https://other.example.com/directory'
  const moved = { ...item, issuer: { ...item.issuer, directory: other } }
  expect([await tried(moved, false), await tried(moved, false), await tried(moved, true)]).toEqual([[other], [], [other]])
})

test('the sites are told at once when a certificate is revoked, after which nothing gives it to them', async () => {
  const { act, apply, certificates, withdrawn } = room()
  await apply()
  const certificate = certificates.issued(item, directory)?.id ?? ''
  const revoke = { type: 'revoke', item, certificate, reason: 'superseded', replace: false, due: false } as const
  await expect(act(revoke, 'revoked')).rejects.toThrow('killed at revoked')
  expect(withdrawn).toEqual([])
  await act(revoke)
  expect(withdrawn).toEqual([[item.host, undefined]])
})

test('where not all names are to be had and some are in need, the others are asked for without the ones that were refused', async () => {
  const { host } = item
  const [www, late, gone] = ['www.shop.example.com', 'late.shop.example.com', 'gone.shop.example.com']
  const all = { ...item, aliases: [www, late, gone] }
  const obtaining = (needy: readonly string[]) => ({ type: 'obtain', item: all, rehearsal: false, ahead: false, needy }) as const
  const kept = (certificates: ReturnType<typeof room>['certificates']) => certificates.newest(all).map(({ name }) => name)
  const one = room([late])
  await expect(one.act(obtaining([]))).rejects.toThrow(`${late}: no such name`)
  expect(one.asked).toEqual([directory])
  await expect(one.act(obtaining([host, www]))).rejects.toThrow(`${late}: no such name`)
  expect(one.asked).toEqual([directory, directory, staging, directory])
  expect(kept(one.certificates)).toEqual([host, www, gone])
  expect(one.attempts.map(({ failure }) => failure !== undefined)).toEqual([true, true, false, false])
  const two = room([late, gone])
  await expect(two.act(obtaining([host, www, gone]))).rejects.toThrow(`${gone}: no such name`)
  expect(two.asked).toEqual([directory, staging, directory])
  expect(two.orders.at(-1)).toEqual([host, www])
  const others = room([host, late])
  await expect(others.act(obtaining([host]))).rejects.toThrow('no such name')
  expect(others.asked).toEqual([directory])
  const none = room([host, www, late, gone])
  await expect(none.act(obtaining([host, www]))).rejects.toThrow('no such name')
  expect(none.asked).toEqual([directory])
})

test('names that lead nowhere are left out one by one, before the authority is asked for the others', async () => {
  const [www, late, gone] = ['www.shop.example.com', 'late.shop.example.com', 'gone.shop.example.com']
  const aliases = [www, late, gone]
  const fromOutside = { derived: [], elsewhere: [item.host, ...aliases] }
  const all: CertificateItem = { ...item, aliases, proof: { type: 'http', fromOutside } }
  const { act, asked, certificates } = room([`${late} in DNS`, `${gone} in DNS`])
  const obtaining = { type: 'obtain', item: all, rehearsal: false, ahead: false, needy: [item.host, gone] } as const
  await expect(act(obtaining)).rejects.toThrow(`${late} has no address in DNS`)
  expect([asked, certificates.newest(all).map(({ name }) => name)]).toEqual([
    [staging, directory],
    [item.host, www],
  ])
})

test('what the authority gave for some of the names before a death is taken up before it is asked for all of them, and not given twice', async () => {
  const [www, late] = ['www.shop.example.com', 'late.shop.example.com']
  const all = { ...item, aliases: [www, late] }
  const obtaining = { type: 'obtain', item: all, rehearsal: false, ahead: false, needy: [item.host, www] } as const
  const { act, certificates, orders } = room([late])
  await expect(act(obtaining, 'issued')).rejects.toThrow('killed at issued')
  expect(certificates.newest(all)).toEqual([])
  orders.length = 0
  await expect(act(obtaining)).rejects.toThrow('no such name')
  expect(certificates.newest(all).map(({ name }) => name)).toEqual([item.host, www])
  expect(orders).toEqual([[item.host, www, late]])
})

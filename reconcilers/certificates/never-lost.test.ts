import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'
import {
  dieAtStep,
  domains,
  type Rig as Sites,
  createRig as startSites,
  staticSite,
  turnableClock,
} from '../sites/testing/rig.ts'
import { presented } from './handshake.ts'
import { markRevoked } from './revoked.ts'
import { createRig, type Rig } from './testing/rig.ts'

setDefaultTimeout(120_000)

const clock = turnableClock()
let sites: Sites
let rig: Rig
beforeAll(async () => {
  sites = await startSites({ clock })
  await sites.startNginx()
  rig = await createRig({ within: { home: sites.home, clock } })
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await sites.close()
})

/** A domain, as the sites and as the certificates have it. */
interface Declared {
  readonly host: string
  readonly aliases?: readonly string[]
  readonly challenge?: 'dns'
}

const sitesOf = (all: readonly Declared[]) =>
  domains(
    ...all.map(({ host, aliases = [], challenge }) =>
      staticSite(host, {
        ...{ aliases, tls: 'acme', root: host.replace('*', 'all') },
        ...(challenge === undefined ? {} : { challenge }),
      }),
    ),
  )

const yamlOf = (all: readonly Declared[]) =>
  all
    .map(
      one => `  "${one.host}": ${JSON.stringify({ root: one.host.replace('*', 'all'), tls: 'acme', ...one, host: undefined })}\n`,
    )
    .join('')

/** What a visitor of each name gets: the id of an authority's certificate, `own`, or nothing. */
async function shown(...names: readonly string[]) {
  const kept = await rig.certificates.everywhere(rig.home)
  const found = names.map(async name => {
    const der = await presented(name, sites.dependencies.ports.https, new AbortController().signal)
    if (der === undefined) return undefined
    const certificate = new X509Certificate(der)
    if (certificate.issuer === certificate.subject) return 'own'
    return kept.find(({ folder }) =>
      new X509Certificate(rig.certificates.chainOf(hostAt(folder), idAt(folder))).raw.equals(certificate.raw),
    )?.id
  })
  return Promise.all(found)
}
const hostAt = (folder: string) => (dirname(folder).split('/').at(-1) ?? '').replace(/^_\./, '*.')
const idAt = (folder: string) => folder.split('/').at(-1) ?? ''

/** As the engine does it: first the sites, then the certificates, which the sites take up. */
async function declare(...all: readonly Declared[]) {
  await sites.converge(sitesOf(all))
  return {
    /** Asks the authority; gives what went wrong. */
    async obtain(): Promise<string> {
      const reconciler = rig.reconciler({ served: async () => void (await sites.converge(sitesOf(all))) })
      try {
        expect((await rig.converge(yamlOf(all), { reconciler })).second.changes).toEqual([])
        return ''
      } catch (error) {
        return String(error)
      }
    },
    limits: async () => (await sites.look(sitesOf(all))).obstacles.map(({ message }) => message),
    look: () => rig.look(yamlOf(all)),
  }
}

const [shop, www, side, late] = ['shop.example.com', 'www.shop.example.com', 'side.shop.example.com', 'late.shop.example.com']
const hour = 3_600_000

test('an alias that the authority refuses takes no certificate from the names that have one, and the others get theirs without it in time', async () => {
  const before = await declare({ host: shop, aliases: [www] })
  expect(await shown(shop, www)).toEqual(['own', 'own'])
  expect(await before.obtain()).toBe('')
  const [first] = await shown(shop)
  expect(await shown(shop, www)).toEqual([first, first])

  await rig.bind.byHand(`update add ${side}. 60 A 127.0.0.1`)
  const more = await declare({ host: shop, aliases: [www, side, late] })
  expect(await shown(shop, www, side, late)).toEqual([first, first, 'own', 'own'])
  expect(await more.limits()).toEqual([
    'it serves side.shop.example.com, late.shop.example.com with a self-signed certificate, of which browsers warn, until the authority has given one for all its names: see certificate/shop.example.com',
  ])
  clock.turn(2 * hour)
  expect(await more.obtain()).toContain(late)
  const [second] = await shown(side)
  expect([first, 'own']).not.toContain(second)
  expect(await shown(shop, www, side, late)).toEqual([second, second, second, 'own'])

  await rig.bind.byHand(`update add ${late}. 60 A 127.0.0.1`)
  expect(await more.obtain()).toBe('')
  const [whole] = await shown(late)
  expect([first, second, 'own']).not.toContain(whole)
  expect(await shown(shop, www, side, late)).toEqual([whole, whole, whole, whole])
  expect(await more.limits()).toEqual([])
})

test('an alias that is taken away, another authority and another proof leave the certificate that there is', async () => {
  const [had] = await shown(shop)
  const less = await declare({ host: shop, aliases: [www] })
  expect(await shown(shop, www, late)).toEqual([had, had, undefined])
  expect((await less.look()).changes).toEqual([])
  const dns = await declare({ host: shop, aliases: [www], challenge: 'dns' })
  expect((await dns.look()).changes).toEqual([])
  rig.directory = 'https://127.0.0.1:1/dir'
  await sites.converge(sitesOf([{ host: shop, aliases: [www] }]))
  expect((await less.look()).changes).toMatchObject([{ key: shop, operation: 'create' }])
  rig.directory = rig.pebble.directory
  expect(await shown(shop, www)).toEqual([had, had])
})

test('a name that goes to a star, or comes from one, keeps its certificate until there is the new one', async () => {
  const star = '*.shop.example.com'
  const [had] = await shown(shop)
  const starred = await declare({ host: shop, aliases: [star], challenge: 'dns' })
  expect(await shown(shop, www, 'any.shop.example.com')).toEqual([had, had, 'own'])
  expect(await starred.obtain()).toBe('')
  const [all] = await shown(shop)
  expect(all).not.toBe(had)
  expect(await shown(www, 'any.shop.example.com')).toEqual([all, all])
  const back = await declare({ host: shop, aliases: [www] })
  expect([await shown(shop, www), (await back.look()).changes]).toEqual([[all, all], []])
})

test('a name that moves to another domain brings its certificate with it, and a domain gets a new name without losing the old one', async () => {
  const [had] = await shown(shop)
  const blog = { host: 'blog.example.com', challenge: 'dns' } as const
  await declare({ host: shop, aliases: [www] }, blog)
  await declare({ host: shop }, { ...blog, aliases: [www] })
  expect(await shown(shop, www, blog.host)).toEqual([had, had, 'own'])
  const wanted = [
    { host: 'market.example.com', aliases: [shop], challenge: 'dns' },
    { ...blog, aliases: [www] },
  ] as const
  for (let step = 0; (await dieAtStep(sites.reconciler(), sitesOf(wanted), step)) !== undefined; step++) {
    expect([step, await shown(shop, www)]).toEqual([step, [had, had]])
  }
  await declare(...wanted)
  expect(await shown(shop, 'market.example.com', www, 'blog.example.com')).toEqual([had, 'own', had, 'own'])
  expect(await (await declare(wanted[0])).obtain()).toBe('')
  const [market] = await shown(shop)
  expect(await shown(shop, 'market.example.com')).toEqual([market, market])
  expect(['own', had]).not.toContain(market)
})

test('a folder of certificates that was deleted by hand is filled again with what the authority has given, without asking it', async () => {
  const market = { host: 'market.example.com', aliases: [shop], challenge: 'dns' } as const
  const [had] = await shown(shop)
  const asked = rig.attempts.length
  await rm(join(nginxLayout(sites.home).certificates, 'market.example.com'), { recursive: true })
  const again = await declare(market)
  expect(await again.obtain()).toBe('')
  expect([await shown(shop, 'market.example.com'), rig.attempts.length]).toEqual([[had, had], asked])
})

test('a domain that was taken away and comes back serves what it had, unless that was revoked meanwhile', async () => {
  const market = { host: 'market.example.com', aliases: [shop], challenge: 'dns' } as const
  const [had] = await shown(shop)
  await declare()
  expect(await shown(shop)).toEqual([undefined])
  const back = await declare(market)
  expect([await shown(shop, market.host), (await back.look()).changes]).toEqual([[had, had], []])
  await markRevoked(rig.certificates.folderOf(market.host, had ?? ''), sites.home)
  await declare()
  await declare(market)
  // The name that is older has an older one, too.
  const [named, host] = await shown(shop, market.host)
  expect([[undefined, had].includes(named), host]).toEqual([false, 'own'])
})

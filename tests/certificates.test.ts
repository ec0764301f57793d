import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { type Pebble, startPebble } from '../reconcilers/certificates/testing/pebble.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let pebble: Pebble
let clone: Clone
let settings: string

beforeAll(async () => {
  appliance = await createAppliance()
  pebble = await startPebble(appliance.ports.http)
  await appliance.start()
  clone = await appliance.clone()
  settings = `certificate_issuer: ${pebble.directory}\ncertificate_issuer_ca: ${pebble.authorities}\n`
})
afterAll(async () => {
  await pebble[Symbol.asyncDispose]()
  await appliance[Symbol.asyncDispose]()
})

const overTls = async (host: string) =>
  fetch(`https://127.0.0.1:${appliance.ports.https}/`, {
    headers: { host },
    tls: { ca: await pebble.root(), serverName: host },
  })

test('one push makes a site whose certificate an authority has given, and shows each step', async () => {
  const pushed = await clone.deliver({
    'settings.yaml': settings,
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop, tls: acme, aliases: [www.shop.example.com] }\n',
  })
  expect(pushed.remote.join('\n')).toMatch(
    /\+ site shop\.example\.com created: serve www\/shop .*\n.*certificate shop\.example\.com: asking 127\.0\.0\.1\n(.*\n)*.*\+ certificate shop\.example\.com created: obtain it from 127\.0\.0\.1 /,
  )
  await appliance.converged(pushed.revision)
  for (const host of ['shop.example.com', 'www.shop.example.com']) expect((await overTls(host)).status).toBe(200)
  expect(await appliance.resource('certificate', 'shop.example.com')).toMatchObject({ state: 'ready' })
  expect(await appliance.resource('site', 'shop.example.com')).toMatchObject({ state: 'ready', message: '' })
})

test('the same push the other way round takes it away, after one approval, and nothing is lost', async () => {
  const pushed = await clone.deliver({ 'domains.yaml': 'domains: {}\n' })
  const holds = [...pushed.shown.matchAll(/approve (\S+)/g)].map(([, id]) => id ?? '')
  expect(new Set(holds).size).toBe(1)
  expect((await overTls('shop.example.com')).status).toBe(200)
  expect((await appliance.command('approve', holds[0] ?? '')).code).toBe(0)
  await appliance.converged(pushed.revision)
  expect(await appliance.resource('certificate', 'shop.example.com')).toBeUndefined()
  expect(await appliance.resource('site', 'shop.example.com')).toBeUndefined()
  const archived = (await readdir(appliance.home.archive)).map(name => name.replace(/-\d{4}-.*$/, '')).sort()
  expect(archived).toEqual([
    ...['certbot-archive-shop.example.com', 'certbot-live-shop.example.com', 'certbot-renewal-shop.example.com'],
    ...['certificates-shop.example.com', 'shop'],
  ])
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { type Pebble, startPebble } from '../reconcilers/certificates/testing/pebble.ts'
import { type Bind, startBind } from '../reconcilers/dns/testing/bind.ts'
import { type Appliance, createAppliance } from './support/appliance.ts'
import type { Clone } from './support/clone.ts'

setDefaultTimeout(120_000)

let appliance: Appliance
let bind: Bind
let pebble: Pebble
let clone: Clone

beforeAll(async () => {
  appliance = await createAppliance()
  bind = await startBind(['example.com'])
  pebble = await startPebble({ httpPort: appliance.ports.http, dnsPort: bind.port })
  await appliance.start({ env: { AI_INFRA_SECRET_DNS_KEY: bind.secret } })
  clone = await appliance.clone()
})
afterAll(async () => {
  await appliance?.[Symbol.asyncDispose]()
  await pebble?.[Symbol.asyncDispose]()
  await bind?.[Symbol.asyncDispose]()
})

const dnsYaml = (records = '') => `providers:
  home: { type: rfc2136, server: 127.0.0.1, port: ${bind.port}, key: ai-infra, secret: "secret:DNS_KEY" }
zones:
  example.com:
    provider: home
    records:
      "@": { TXT: "v=spf1 -all" }
${records}`

const overTls = async (host: string) =>
  fetch(`https://127.0.0.1:${appliance.ports.https}/`, { headers: { host }, tls: { ca: await pebble.root(), serverName: host } })

/** What the server agrees to speak. */
const protocolOf = (host: string): Promise<string | false | null> => {
  const { promise, resolve, reject } = Promise.withResolvers<string | false | null>()
  const options = { port: appliance.ports.https, host: '127.0.0.1', servername: host, ALPNProtocols: ['h2', 'http/1.1'] }
  const socket = connect({ ...options, rejectUnauthorized: false }, () => {
    resolve(socket.alpnProtocol)
    socket.destroy()
  })
  socket.once('error', reject)
  return promise
}

test('one push brings a name into DNS, obtains its certificate and serves it over HTTPS with HTTP/2', async () => {
  const pushed = await clone.deliver({
    'settings.yaml': `certificate_issuer: ${pebble.directory}\ncertificate_issuer_ca: ${pebble.authorities}\npublic_addresses: [127.0.0.1]\n`,
    'dns.yaml': dnsYaml(),
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop, tls: acme, aliases: [www.shop.example.com] }\n',
  })
  const shown = pushed.remote.join('\n')
  expect(shown).toMatch(/\+ site shop\.example\.com created: serve www\/shop/)
  expect(shown).toMatch(/\+ site-record shop\.example\.com\/A created: 127\.0\.0\.1/)
  expect(shown).toMatch(/\+ site-record www\.shop\.example\.com\/A created: 127\.0\.0\.1/)
  expect(shown).toMatch(/\+ dns-record example\.com\/TXT created: v=spf1 -all/)
  expect(shown).toMatch(/\+ certificate shop\.example\.com created: obtain it from 127\.0\.0\.1/)
  expect(shown).toMatch(/converged to /)
  await appliance.converged(pushed.revision)
  expect(await bind.ask('www.shop.example.com', 'A')).toEqual(['127.0.0.1'])
  expect(await bind.ask('example.com', 'TXT')).toEqual(['"v=spf1 -all"'])
  for (const host of ['shop.example.com', 'www.shop.example.com']) expect((await overTls(host)).status).toBe(200)
  expect(await protocolOf('shop.example.com')).toBe('h2')
  const ready = [
    'site/shop.example.com',
    'certificate/shop.example.com',
    'site-record/shop.example.com/A',
    'dns-record/example.com',
  ]
  const states = (await appliance.status()).resources.map(({ kind, key, state }) => `${kind}/${key} ${state}`)
  expect(states).toEqual(expect.arrayContaining(ready.map(resource => `${resource} ready`)))
})

test('a certificate is renewed, and revoked, by one command each, and visitors always get one that is good', async () => {
  const serial = async () => {
    const listed = await appliance.command('certificate', 'list', '--json')
    const folder = join(appliance.home.nginx, 'certificates', 'shop.example.com')
    expect(JSON.parse(listed.out)).toMatchObject([
      { host: 'shop.example.com', state: 'ready', issuer: expect.stringContaining('Pebble') },
    ])
    return (await readdir(folder)).length
  }
  const before = await serial()
  const renewed = await appliance.command('certificate', 'renew', 'shop.example.com')
  expect([renewed.code, renewed.out]).toEqual([0, expect.stringContaining('shop.example.com: renewed; ends in')])
  expect(await serial()).toBe(before + 1)
  const unsure = await appliance.command('certificate', 'revoke', 'shop.example.com')
  expect([unsure.code, unsure.error]).toEqual([1, expect.stringContaining('To do so, add --yes.')])
  const revoked = await appliance.command('certificate', 'revoke', 'shop.example.com', '--reason', 'superseded', '--yes')
  expect([revoked.code, revoked.out]).toEqual([0, expect.stringContaining('revoked, and another one serves')])
  expect((await overTls('shop.example.com')).status).toBe(200)
  const unknown = await appliance.command('certificate', 'renew', 'nobody.example.com')
  expect([unknown.code, unknown.error]).toEqual([1, expect.stringContaining('no certificate of an authority is declared')])
})

test('all names of a zone get one certificate, one record and one site, and a name of its own keeps what it has', async () => {
  const { revision } = await clone.deliver({
    'domains.yaml':
      'domains:\n  shop.example.com: { root: shop, tls: acme, aliases: [www.shop.example.com] }\n  "*.example.com": { root: all, tls: acme, hsts: { max_age_seconds: 600 } }\n',
  })
  await appliance.converged(revision)
  await Bun.write(join(appliance.home.www, 'all', 'index.html'), 'for all')
  expect(await bind.ask('whatever.example.com', 'A')).toEqual(['127.0.0.1'])
  const any = await overTls('whatever.example.com')
  expect([any.status, await any.text(), any.headers.get('strict-transport-security')]).toEqual([200, 'for all', 'max-age=600'])
  const shop = await overTls('shop.example.com')
  expect([shop.status, await shop.text()]).not.toContain('for all')
  expect(shop.headers.has('strict-transport-security')).toBe(false)
  expect((await appliance.visit('whatever.example.com', '/a')).headers.get('location')).toBe(
    `https://whatever.example.com:${appliance.ports.https}/a`,
  )
  const { revision: without } = await clone.deliver({
    'domains.yaml': 'domains:\n  shop.example.com: { root: shop, tls: acme, aliases: [www.shop.example.com] }\n',
  })
  await appliance.command('approve', (await appliance.command('status')).out.match(/approve (\S+)/)?.[1] ?? '')
  await appliance.converged(without)
  expect(await bind.ask('whatever.example.com', 'A')).toEqual([])
})

test('records of others are not touched, and what is changed by hand is put back', async () => {
  await bind.byHand('update add theirs.example.com. 300 A 203.0.113.7')
  await bind.byHand('update delete shop.example.com. A\nupdate add shop.example.com. 300 A 203.0.113.66')
  await clone.deliver({ 'dns.yaml': dnsYaml('      mail: { A: 203.0.113.25 }\n      theirs: { A: 203.0.113.8 }\n') })
  const foreign = await appliance.command('wait', '--timeout', '30')
  expect(foreign.code).toBe(1)
  expect(await appliance.resource('dns-record', 'theirs.example.com/A')).toMatchObject({ state: 'stalled', reason: 'foreign' })
  expect(await bind.ask('theirs.example.com', 'A')).toEqual(['203.0.113.7'])
  expect(await bind.ask('mail.example.com', 'A')).toEqual(['203.0.113.25'])
  expect(await bind.ask('shop.example.com', 'A')).toEqual(['127.0.0.1'])
  const { revision } = await clone.deliver({
    'dns.yaml': dnsYaml('      smtp: { CNAME: mail.example.com }\n      mail: { A: 203.0.113.25 }\n'),
  })
  await appliance.converged(revision)
  expect(await bind.ask('smtp.example.com', 'A')).toEqual(['mail.example.com.', '203.0.113.25'])
  expect(await bind.ask('theirs.example.com', 'A')).toEqual(['203.0.113.7'])
})

test('the same push the other way round takes it away, zone and all, after one approval; nothing is lost, and the key stands nowhere', async () => {
  const pushed = await clone.deliver({ 'domains.yaml': 'domains: {}\n', 'dns.yaml': dnsYaml().replace(/zones:[\s\S]*/, '') })
  const ids = [...pushed.shown.matchAll(/approve ([0-9a-f]{12})/g)].map(([, id]) => id ?? '')
  expect(ids).toHaveLength(1)
  const said = /held: (.*); approve with: /.exec(pushed.shown)?.[1] ?? ''
  for (const kind of ['site', 'dns-record']) expect(said).toMatch(new RegExp(`removes the last .*${kind}`))
  expect(pushed.shown).toMatch(/(?:= certificate shop\.example\.com\s+waits with site|- certificate shop\.example\.com)/)
  expect(pushed.shown).toMatch(/= site-record shop\.example\.com\/A\s+waits with site/)
  expect((await overTls('shop.example.com')).status).toBe(200)
  expect(await bind.ask('shop.example.com', 'A')).toEqual(['127.0.0.1'])
  const approved = await appliance.command('approve', ids[0] ?? '')
  expect([approved.code, approved.out]).toEqual([0, expect.stringContaining('- certificate shop.example.com')])
  await appliance.converged(pushed.revision)
  expect(await appliance.resource('certificate', 'shop.example.com')).toBeUndefined()
  expect(await appliance.resource('site-record', 'shop.example.com/A')).toBeUndefined()
  expect(await bind.ask('shop.example.com', 'A')).toEqual([])
  expect(await bind.ask('example.com', 'TXT')).toEqual([])
  expect(await bind.ask('mail.example.com', 'A')).toEqual([])
  expect(await bind.ask('theirs.example.com', 'A')).toEqual(['203.0.113.7'])
  const audited = (await Bun.file(join(appliance.home.audit, 'audit.jsonl')).text()).split('\n')
  const written = audited.filter(line => line.includes(`/api/approve/${ids[0]}`) && line.includes('"success"'))
  expect(written).toEqual([expect.stringContaining('{"kind":"certificate","changes":["delete shop.example.com"]}')])
  const search = Bun.spawn(['grep', '-rlF', '--', bind.secret, appliance.home.root], { stderr: 'ignore' })
  expect(await new Response(search.stdout).text()).toBe('')
  const names = (await readdir(appliance.home.archive)).map(name => name.replace(/-\d{4}-.*$/, ''))
  expect(names.filter(name => name.includes('shop')).sort()).toEqual(['certbot-shop.example.com', 'shop'])
  expect(await readdir(join(appliance.home.archive, 'certificates'))).toContain('shop.example.com')
})

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Server } from 'bun'
import type { DomainDeclaration } from '../../desired-state/state.ts'
import { createRig, domains, proxySite, type Rig, redirectSite, staticSite, turnableClock } from './testing/rig.ts'

let rig: Rig
let portal: Server<undefined>
const clock = turnableClock()

beforeAll(async () => {
  rig = await createRig({ clock })
  await rig.startNginx()
  portal = Bun.serve({
    port: rig.dependencies.ports.portal,
    hostname: '127.0.0.1',
    fetch: request => new Response(`portal at ${request.headers.get('host')} by ${request.headers.get('x-forwarded-proto')}`),
  })
})
afterAll(async () => {
  await rig.close()
  await portal.stop(true)
})

const secure = staticSite('safe.example.com', { tls: 'self-signed', aliases: ['www.safe.example.com'] })

const certificates = async (host = 'safe.example.com') =>
  (await readdir(join(rig.home.nginx, 'certificates', host))).map(id => join(rig.home.nginx, 'certificates', host, id))

test('a self-signed site answers over TLS and HTTP/2, and plain HTTP leads there', async () => {
  const { outcomes, second } = await rig.converge(domains(secure))
  expect(outcomes).toEqual([{ key: 'safe.example.com' }])
  expect(second).toEqual({ changes: [], obstacles: [], notes: new Map() })
  for (const host of ['safe.example.com', 'www.safe.example.com']) expect(await rig.getTls(host)).toStartWith('HTTP/2 200')
  const plain = await rig.get('safe.example.com', '/a?b=c')
  const { https } = rig.dependencies.ports
  expect([plain.status, plain.headers.get('location')]).toEqual([308, `https://safe.example.com:${https}/a?b=c`])
  const [folder = ''] = await certificates()
  expect((await stat(join(folder, 'key.pem'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, '..', '..'))).mode & 0o777).toBe(0o700)
})

test('challenges of a certificate authority are answered over plain HTTP, for every kind of site', async () => {
  const folder = join(rig.home.nginx, 'acme', '.well-known', 'acme-challenge')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'token'), 'proof')
  const kinds: readonly DomainDeclaration[] = [
    secure,
    redirectSite('old.example.com', 'https://example.com'),
    proxySite('app.example.com', 1),
    staticSite('plain.example.com'),
  ]
  await rig.converge(domains(...kinds))
  for (const { host } of kinds) {
    expect([host, await (await rig.get(host, '/.well-known/acme-challenge/token')).text()]).toEqual([host, 'proof'])
  }
  await rig.converge(domains(secure))
})

test('a deleted key and a further alias each lead to a new certificate that is served', async () => {
  const [before = ''] = await certificates()
  await rm(join(before, 'key.pem'))
  const { first, second } = await rig.converge(domains(secure))
  expect(first.changes.map(change => change.summary)).toEqual(['make a new certificate'])
  expect(second.changes).toEqual([])
  expect(await rig.getTls('safe.example.com')).toStartWith('HTTP/2 200')
  const more = staticSite('safe.example.com', { tls: 'self-signed', aliases: ['www.safe.example.com', 'new.safe.example.com'] })
  expect((await rig.converge(domains(more))).second.changes).toEqual([])
  expect(await rig.getTls('new.safe.example.com')).toStartWith('HTTP/2 200')
  expect((await rig.converge(domains(secure))).second.changes).toEqual([])
})

test('a certificate is renewed thirty days before its end', async () => {
  const served = async () => {
    const index = await readFile(join(rig.home.nginx, 'current', 'sites.conf'), 'utf8')
    const file = /sites\/(safe\S+);/.exec(index)?.[1] ?? ''
    return /ssl_certificate "(.*)\/certificate.pem"/.exec(await readFile(join(rig.home.nginx, 'sites', file), 'utf8'))?.[1]
  }
  const before = await served()
  clock.turn(366 * 86_400_000)
  expect((await rig.look(domains(secure))).changes).toEqual([])
  clock.turn(2 * 86_400_000)
  // The real clock makes the certificate, so the test turns back before it judges the new one.
  const { first } = await rig.converge(domains(secure))
  expect(first.changes.map(change => change.summary)).toEqual(['make a new certificate'])
  clock.turn(-368 * 86_400_000)
  expect(await served()).not.toBe(before)
  expect((await rig.converge(domains(secure))).second.changes).toEqual([])
})

test('acme serves a self-signed certificate and says plainly that it is one', async () => {
  const { second } = await rig.converge(domains(secure, staticSite('public.example.com', { tls: 'acme' })))
  expect(second.changes).toEqual([])
  expect(second.obstacles).toEqual([
    {
      key: 'public.example.com',
      state: 'waiting',
      reason: 'certificate',
      message:
        'it serves a self-signed certificate, of which browsers warn, until the authority has given one: see certificate/public.example.com',
    },
  ])
  expect(await rig.getTls('public.example.com')).toStartWith('HTTP/2 200')
})

test('the portal is reached by its name over TLS with its Host kept, never over plain HTTP', async () => {
  const own: DomainDeclaration = { kind: 'portal', host: 'portal.example.com', aliases: [], tls: 'self-signed' }
  await rig.converge(domains(secure, own))
  const { https } = rig.dependencies.ports
  expect(await rig.getTls('portal.example.com')).toContain(`portal at portal.example.com:${https} by https`)
  expect((await rig.get('portal.example.com')).status).toBe(308)
  const { changes, obstacles } = await rig.look(domains(secure, { ...own, tls: 'none' }))
  expect(changes).toEqual([])
  expect(obstacles).toMatchObject([{ key: 'portal.example.com', state: 'stalled', reason: 'needs-tls' }])
})

test('the certificates of a removed site move to the archive', async () => {
  await rig.converge(domains(redirectSite('left.example.com', 'https://example.com')))
  expect(await readdir(join(rig.home.nginx, 'certificates'))).toEqual([])
  const archived = await readdir(join(rig.home.archive, 'certificates', 'safe.example.com'))
  expect(archived.length).toBe(1)
  expect(await rig.getTls('safe.example.com')).toContain('unrecognized name')
})

test('TLS 1.2 and 1.3 are spoken with forward secrecy, and nothing older', async () => {
  await rig.converge(domains(secure))
  const { https } = rig.dependencies.ports
  const handshake = async (...options: string[]) => {
    const argv = ['openssl', 's_client', '-connect', `127.0.0.1:${https}`, '-servername', 'safe.example.com', ...options]
    const child = Bun.spawn(argv, { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' })
    return (await new Response(child.stdout).text()).match(/Cipher is (\S+)/)?.[1]
  }
  expect(await handshake('-tls1_3')).toStartWith('TLS_')
  expect(await handshake('-tls1_2')).toStartWith('ECDHE-ECDSA-')
  for (const old of [
    ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
    ['-tls1_2', '-cipher', 'AES128-SHA'],
    ['-tls1_2', '-cipher', 'AES128-GCM-SHA256'],
  ])
    expect([old, await handshake(...old)]).toEqual([old, '(NONE)'])
})

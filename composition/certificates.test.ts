import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CertificateItem } from '../reconcilers/certificates/item.ts'
import type { CertificateAction } from '../reconcilers/certificates/plan.ts'
import { createCertificates } from '../reconcilers/certificates/stored.ts'
import { rememberedAttempts, rememberedRenewals, rememberedRequests } from '../reconcilers/certificates/testing/remembered.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { type Home, homeAt } from '../runtime/os/home.ts'
import { type Spawn, spawn } from '../runtime/os/spawn.ts'
import { nginxLayout } from '../runtime/services/nginx-layout.ts'
import { certificateMeant, certificateRoom } from './certificates.ts'

let home: Home
beforeEach(async () => {
  home = homeAt(await mkdtemp(join(tmpdir(), 'cc-')))
})
afterEach(() => rm(home.root, { recursive: true, force: true }))

test('the sites are woken as soon as a certificate is revoked, and not before', async () => {
  const directory = 'https://acme.example.com/directory'
  const names = { host: 'shop.example.com', aliases: [] }
  await mkdir(nginxLayout(home).certificates, { recursive: true })
  const certificates = createCertificates(nginxLayout(home), spawn, () => new Date())
  const folder = certificates.folderOf(names.host, await certificates.make(names))
  await Bun.write(join(folder, 'issuer'), `${directory}\n`)
  const certificate = certificates.issued(names, directory)?.id ?? ''
  const woken: string[] = []
  const revoking: Spawn = async () => {
    expect(woken).toEqual([])
    return { code: 0, stdout: '', stderr: '' }
  }
  const room = certificateRoom({
    ...{ home, spawn: revoking, clock: systemClock, httpPort: 1, httpsPort: 1 },
    ...{ attempts: rememberedAttempts([]), renewals: rememberedRenewals(new Map()), requests: rememberedRequests(new Map()) },
    providers: () => {
      throw new Error('nothing is put into DNS')
    },
    wake: kind => void woken.push(kind),
    ...{ settings: () => undefined, standing: () => undefined },
  })
  const item: CertificateItem = {
    ...{ ...names, proof: { type: 'http' } },
    issuer: { directory, staging: undefined, authorities: undefined, email: undefined },
  }
  const action: CertificateAction = { type: 'revoke', item, certificate, reason: 'superseded', replace: false, due: false }
  const change = { kind: 'certificate', key: names.host, operation: 'replace', summary: '', fields: [], action } as const
  await room.apply(change, { signal: new AbortController().signal, step: async () => {}, progress: () => {} })
  expect([woken, certificates.issued(names, directory)]).toEqual([['site'], undefined])
})

test('what is revoked of a host is its own certificate, and not a newer one that came with a name from another host', () => {
  const directory = 'https://acme.example.com/directory'
  const one = (id: string, begin: number, ...names: string[]) => ({ id, begin, end: 9, directory, names: new Set(names) })
  const [own, moved] = [one('own', 1, 'shop.example.com'), one('moved', 2, 'www.example.com')]
  const item: CertificateItem = {
    ...{ host: 'shop.example.com', aliases: ['www.example.com'], proof: { type: 'http' } },
    issuer: { directory, staging: undefined, authorities: undefined, email: undefined },
  }
  const kept = {
    issued: () => undefined,
    newest: () => [
      { name: 'www.example.com', certificate: moved },
      { name: 'shop.example.com', certificate: own },
    ],
  }
  expect(certificateMeant(kept, item, { type: 'revoke', reason: 'superseded' })).toBe(own)
})

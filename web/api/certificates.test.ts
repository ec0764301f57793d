import { beforeEach, expect, test } from 'bun:test'
import { systemClock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { silentLog } from '../../runtime/os/log.ts'
import { json } from '../door/answer.ts'
import { type AuditEntry, createDoor, type Door } from '../door/door.ts'
import type { Identity } from '../door/route.ts'
import { ada, house } from '../portal/testing/house.ts'
import { certificatesRoutes } from './certificates.ts'

let door: Door
const asked: unknown[] = []
const audited: AuditEntry[] = []

beforeEach(() => {
  asked.length = 0
  audited.length = 0
  door = createDoor({
    routes: certificatesRoutes({
      ...house().deps,
      certificateRequests: {
        open: async () => new Map(),
        async ask(...words) {
          if (words[0] === 'none.example.com') throw new ApplianceError('invalid', 'no certificate is declared')
          asked.push(words)
        },
      },
    }),
    ...{ clock: systemClock, log: silentLog, audit: async entry => void audited.push(entry) },
    renderError: (status, message) => json({ message }, status),
  })
})

async function post(path: string, body: unknown = {}, identity: Identity = ada) {
  const request = new Request(`http://localhost/api/certificates/${path}`, { method: 'POST', body: JSON.stringify(body) })
  const response = await door.enter(request, { identity, address: '127.0.0.1', keepOpen: () => {} })
  return { status: response.status, text: await response.text() }
}

test('a renewal and a revocation are asked for in the name of who asks, and audited', async () => {
  expect((await post('shop.example.com/renew')).status).toBe(200)
  const star = encodeURIComponent('*.example.com')
  expect((await post(`${star}/revoke`, { reason: 'keycompromise', confirm: '*.example.com' })).status).toBe(200)
  expect(asked).toEqual([
    ['shop.example.com', { type: 'renew' }, 'person ada@example.com'],
    ['*.example.com', { type: 'revoke', reason: 'keycompromise' }, 'person ada@example.com'],
  ])
  expect(new Set(audited.map(({ event }) => event))).toEqual(
    new Set(['certificate.renewal-asked', 'certificate.revocation-asked']),
  )
})

test('a revocation without its confirmation, for another reason or of what is no host does nothing', async () => {
  for (const body of [{}, { confirm: 'other.example.com' }, { confirm: true }, { confirm: 'shop.example.com', reason: 'anger' }])
    expect((await post('shop.example.com/revoke', body)).status).toBe(422)
  expect((await post('shop.example.com/revoke', { confirm: 'x' })).text).toContain('confirm it with the name shop.example.com')
  for (const host of ['%2e%2e%2fetc', 'a', '--reason', 'a;b.example.com']) expect((await post(`${host}/renew`)).status).toBe(422)
  expect(await post('none.example.com/renew')).toMatchObject({
    status: 422,
    text: expect.stringContaining('no certificate is declared'),
  })
  expect((await post('shop.example.com/renew', {}, { kind: 'agent', name: 'code' })).status).toBe(403)
  expect(asked).toEqual([])
})

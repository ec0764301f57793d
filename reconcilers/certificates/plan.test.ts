import { expect, test } from 'bun:test'
import type { Attempt } from './attempts.ts'
import type { CertificateItem } from './item.ts'
import type { ObservedCertificate } from './observe.ts'
import { planCertificates } from './plan.ts'
import { renewalTime } from './stored.ts'

const directory = 'https://acme.example.com/directory'
const staging = 'https://staging.example.com/directory'
const item: CertificateItem = {
  host: 'shop.example.com',
  aliases: ['www.shop.example.com'],
  issuer: { directory, staging, authorities: undefined, email: undefined },
  proof: { type: 'http' },
}
const issued = { id: '0', names: new Set<string>(), begin: 0, end: 1, directory }
const failed: Attempt = {
  host: item.host,
  at: new Date(0),
  directory,
  failure: 'acme.example.com gave no certificate: no',
  notBefore: undefined,
}
const nothing: ObservedCertificate = {
  ...{ issued: undefined, due: false, daysLeft: undefined, attempts: [], pausedUntil: undefined, leftovers: 0 },
}
const plan = (seen: Partial<ObservedCertificate>, kept: readonly string[] = []) =>
  planCertificates(new Map([[item.host, item]]), {
    certificates: new Map([[item.host, { ...nothing, ...seen }]]),
    kept: new Set(kept),
  })

test('a certificate that is not there is obtained, one that is due is renewed, any other is left alone', () => {
  expect(plan({}).changes.map(({ operation, summary }) => [operation, summary])).toEqual([
    ['create', 'obtain it from acme.example.com for shop.example.com, www.shop.example.com'],
  ])
  expect(plan({ issued, due: true, daysLeft: 20 }).changes).toMatchObject([
    { operation: 'update', action: { type: 'obtain', rehearsal: false } },
  ])
  const calm = plan({ issued, daysLeft: 60 })
  expect([calm.changes, calm.obstacles]).toEqual([[], []])
  expect(calm.notes?.get(item.host)).toBe('ends in 60 days, and is renewed before')
})

test('after a failed try the staging directory is asked first', () => {
  expect(plan({ attempts: [failed] }).changes).toMatchObject([{ action: { rehearsal: true } }])
  const alone = { ...item, issuer: { ...item.issuer, staging: undefined } }
  const planned = planCertificates(new Map([[item.host, alone]]), {
    certificates: new Map([[item.host, { ...nothing, attempts: [failed] }]]),
    kept: new Set(),
  })
  expect(planned.changes).toMatchObject([{ action: { rehearsal: false } }])
})

test('a host that failed too often waits, with the words of the authority and the time of the next try', () => {
  const pausedUntil = new Date('2026-11-28T15:00:00Z')
  const { changes, obstacles } = plan({ attempts: [failed], pausedUntil })
  expect(changes).toEqual([])
  expect(obstacles).toEqual([
    {
      key: item.host,
      state: 'waiting',
      reason: 'certificate-refused',
      message:
        'a self-signed certificate serves meanwhile: acme.example.com gave no certificate: no; it is tried again at 2026-11-28 15:00 UTC',
    },
  ])
})

test('a certificate that cannot be renewed is told of louder 21, 7 and 1 days before its end', () => {
  const reasonAt = (daysLeft: number) =>
    plan({ issued, due: true, daysLeft, attempts: [failed], pausedUntil: new Date(0) }).obstacles[0]?.reason
  expect([21, 20, 7, 6, 1, 0, -1].map(reasonAt)).toEqual([
    ...['renewal-refused', 'ends-within-21-days', 'ends-within-21-days', 'ends-within-7-days'],
    ...['ends-within-7-days', 'ends-within-1-days', 'ends-within-1-days'],
  ])
})

test('what certbot keeps of a domain that is gone is put away', () => {
  expect(plan({ issued, daysLeft: 60 }, ['shop.example.com', 'old.example.com']).changes).toMatchObject([
    { key: 'old.example.com', operation: 'delete', action: { type: 'forget' } },
  ])
})

test('a certificate is renewed after two thirds of its life, however short that is', () => {
  const day = 86_400_000
  expect(renewalTime({ begin: 0, end: 90 * day })).toBe(60 * day)
  expect(renewalTime({ begin: 0, end: 45 * day })).toBe(30 * day)
})

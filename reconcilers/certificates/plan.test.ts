import { expect, test } from 'bun:test'
import { alarmOf } from './alarm.ts'
import type { Attempt } from './attempts.ts'
import type { CertificateItem } from './item.ts'
import type { ObservedCertificate } from './observe.ts'
import { planCertificates } from './plan.ts'
import { renewalTime, usualTime } from './renewal-time.ts'

const directory = 'https://acme.example.com/directory'
const staging = 'https://staging.example.com/directory'
const item: CertificateItem = {
  host: 'shop.example.com',
  aliases: ['www.shop.example.com'],
  issuer: { directory, staging, authorities: undefined, email: undefined },
  proof: { type: 'http' },
}
const day = 86_400_000
const issued = { id: '0', names: new Set<string>(), begin: 0, end: 90 * day, directory }
const failed: Attempt = {
  host: item.host,
  at: new Date(0),
  directory,
  failure: 'acme.example.com gave no certificate: no',
  notBefore: undefined,
}
const nothing: ObservedCertificate = {
  ...{
    issued: undefined,
    serving: undefined,
    uncovered: [],
    needy: [],
    due: false,
    left: undefined,
    renewal: undefined,
    attempts: [],
    pausedUntil: undefined,
    limit: undefined,
    request: undefined,
    leftovers: 0,
  },
}
const plan = (seen: Partial<ObservedCertificate>, kept: readonly string[] = []) =>
  planCertificates(new Map([[item.host, item]]), {
    certificates: new Map([[item.host, { ...nothing, ...seen }]]),
    kept: new Set(kept),
    leaving: new Map(),
  })

test('a certificate that is not there is obtained, one that is due is renewed, any other is left alone', () => {
  expect(plan({}).changes.map(({ operation, summary }) => [operation, summary])).toEqual([
    ['create', 'obtain it from acme.example.com for shop.example.com, www.shop.example.com'],
  ])
  expect(plan({ issued, due: true, left: 20 * day }).changes).toMatchObject([
    { operation: 'update', action: { type: 'obtain', rehearsal: false } },
  ])
  const calm = plan({ issued, left: 60 * day })
  expect([calm.changes, calm.obstacles]).toEqual([[], []])
  expect(calm.notes?.get(item.host)).toBe('ends in 60 days, and is renewed before')
})

test('of many, those that are about to be lost are asked for first', () => {
  const hosts = ['a', 'b', 'c', 'd']
  const { changes } = planCertificates(new Map(hosts.map(host => [host, { ...item, host, aliases: [] }])), {
    certificates: new Map([['c', { ...nothing, issued, due: true, left: 20 * day, needy: ['c'] }]]),
    ...{ kept: new Set(), leaving: new Map() },
  })
  expect(changes.map(({ key }) => key)).toEqual(['c', 'a', 'b', 'd'])
})

test('a name without a certificate among others that have one is told apart', () => {
  const serving = { ...issued, names: new Set([item.host]) }
  const seen = { serving, uncovered: ['www.shop.example.com'], left: 50 * day, attempts: [failed], pausedUntil: new Date(0) }
  expect(plan(seen).obstacles[0]?.message).toStartWith(
    'meanwhile www.shop.example.com has a self-signed certificate, and every other name one of acme.example.com, which ends in 50 days: acme',
  )
  expect(plan({ ...seen, left: 5 * day }).urgent?.get(item.host)?.reason).toBe('ends-within-7-days')
})

test('after a failed try the staging directory is asked first', () => {
  expect(plan({ attempts: [failed] }).changes).toMatchObject([{ action: { rehearsal: true, ahead: false } }])
  const alone = { ...item, issuer: { ...item.issuer, staging: undefined } }
  const planned = planCertificates(new Map([[item.host, alone]]), {
    certificates: new Map([[item.host, { ...nothing, attempts: [failed] }]]),
    kept: new Set(),
    leaving: new Map(),
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

test('a certificate that is past its renewal is told of louder 21, 7 and 1 days before its end, whatever keeps it from being renewed', () => {
  const days = [21, 20.9, 7, 6.9, 1, 0.9, -1]
  const alarms = [undefined, '21-days', '21-days', '7-days', '7-days', '1-days', '1-days']
  const refused = { attempts: [failed], pausedUntil: new Date(0) }
  const asked = { host: item.host, certificate: '0', by: 'ada', at: new Date(0), action: { type: 'renew' } as const }
  // Not tried, tried once, resting after three refusals, and asked for by a person.
  for (const why of [{}, { attempts: [failed] }, refused, { request: asked }]) {
    const reasons = days.map(left => plan({ issued, due: true, left: left * day, ...why }).urgent?.get(item.host)?.reason)
    expect(reasons).toEqual(alarms.map(alarm => alarm && `ends-within-${alarm}`))
  }
  const { urgent, obstacles } = plan({ issued, due: true, left: 6.9 * day, ...refused })
  expect(urgent?.get(item.host)?.message).toBe('it ends in 6 days, and is not renewed yet')
  expect(obstacles).toMatchObject([
    { reason: 'renewal-refused', message: 'acme.example.com gave no certificate: no; it is tried again at 1970-01-01 00:00 UTC' },
  ])
  expect(plan({ issued, due: false, left: 20 * day }).urgent?.size).toBe(0)
  expect(plan({}).urgent?.size).toBe(0)
})

test('where the declared authority gives none, the one of another that serves meanwhile is named, and told of before its end', () => {
  const serving = { ...issued, directory: 'https://old.example.com/directory' }
  const refused = (left: number) => plan({ serving, left: left * day, attempts: [failed], pausedUntil: new Date(0) })
  expect(refused(50).obstacles[0]?.message).toStartWith('one of old.example.com serves meanwhile, and ends in 50 days: acme')
  expect([refused(50), refused(5)].map(({ urgent }) => urgent?.get(item.host)?.reason)).toEqual([undefined, 'ends-within-7-days'])
})

test('a revocation that is still open holds no renewal of what has taken its place up', () => {
  const action = { type: 'revoke', reason: 'superseded' } as const
  const due = (certificate: string, past: boolean) => {
    const request = { host: item.host, certificate, by: 'ada', at: new Date(0), action }
    return plan({ issued, due: past, left: 20 * day, request }).changes.map(change => change.action)
  }
  expect([due('older', true), due('older', false), due(issued.id, true)]).toMatchObject([
    ...[[{ type: 'revoke', due: true }], [{ type: 'revoke', due: false }], [{ type: 'revoke', due: false }]],
  ])
})

test('a shorter life has its alarms closer to its end, so that none goes off before it could have been renewed', () => {
  const alarms = (life: number, ...left: readonly number[]) =>
    left.map(days => alarmOf({ begin: 0, end: life * day }, days * day))
  expect(alarms(45, 15, 10, 3, 0.4)).toEqual([undefined, 'ends-within-11-days', 'ends-within-4-days', 'ends-within-12-hours'])
  expect(alarms(6, 2, 1.3, 0.4, 0.05)).toEqual([undefined, 'ends-within-34-hours', 'ends-within-11-hours', 'ends-within-2-hours'])
  for (const life of [1, 6, 45, 64, 90, 397]) expect([life, ...alarms(life, life / 3)]).toEqual([life, undefined])
})

test('what certbot keeps of a domain that is gone is put away', () => {
  expect(plan({ issued, left: 60 * day }, ['shop.example.com', 'old.example.com']).changes).toMatchObject([
    { key: 'old.example.com', operation: 'delete', action: { type: 'forget' } },
  ])
})

test('a certificate is renewed after two thirds of its life, however short that is', () => {
  for (const life of [6, 45, 90]) expect(usualTime({ begin: 0, end: life * day })).toBe((life * 2 * day) / 3)
})

test('where its authority suggests another time that one counts, but not in the last tenth of its life, and not again and again', () => {
  const at = (days: number) => ({ start: new Date(0), end: new Date(100 * day), moment: new Date(days * day) })
  const given = (days: number) => ({ ...failed, failure: undefined, at: new Date(days * day) })
  const time = (days: number, attempts: readonly Attempt[] = [], now = 50 * day) =>
    renewalTime(issued, at(days), attempts, now) / day
  expect(renewalTime(issued, undefined, [], 0)).toBe(60 * day)
  expect([time(40), time(75), time(95), time(-5)]).toEqual([40, 75, 81, -5])
  expect(time(-5, [given(49.9)])).toBe(-5)
  expect(time(-5, [given(49.9), given(49.5)])).toBe(60)
  expect(time(-5, [given(49.9), given(48.5)])).toBe(-5)
  expect(time(-5, [{ ...given(49.9), directory: staging }, given(49.5)])).toBe(-5)
})

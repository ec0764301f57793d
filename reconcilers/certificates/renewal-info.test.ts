import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { spawn } from '../../runtime/os/spawn.ts'
import { certificateId, retryAfter } from './renewal-info.ts'
import { type Front, startFront, window } from './testing/front.ts'
import { createRig, type Rig } from './testing/rig.ts'

setDefaultTimeout(120_000)

let rig: Rig
let front: Front
beforeAll(async () => {
  rig = await createRig({ believes: true })
  front = await startFront(rig.pebble)
  rig.directory = front.directory
})
afterAll(async () => {
  await front[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
})

const day = 86_400_000
const shop = '  shop.example.com: { root: shop, tls: acme }\n'
const later = (days: number) => new Date(rig.clock.now().getTime() + days * day)
const renewal = () => [...rig.renewals.values()].at(-1)
const asked = () => front.asked.filter(path => path.startsWith('/renewal/'))

test('a certificate is called by the key of its authority and its own number, as RFC 9773 writes it', async () => {
  // Appendix A of the RFC.
  const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`
  expect(await certificateId(spawn, example)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
})

test('a wish to be asked again is taken between a minute and a day', () => {
  const now = new Date('2026-11-28T12:00:00Z')
  const minutes = (header: string | null) => retryAfter(header, now) / 60_000
  expect(['21600', '0', '999999', 'Sat, 28 Nov 2026 13:00:00 GMT', 'soon', null].map(minutes)).toEqual([
    360, 1, 1440, 60, 360, 360,
  ])
})

test('the authority is asked, and a moment in its window is drawn that a restart does not change', async () => {
  const [start, end] = [later(20), later(24)]
  front.renewal = () => window(start, end, { 'retry-after': '3600' })
  const { second } = await rig.converge(shop, { reconciler: rig.reconciler({ random: () => 0.25 }) })
  expect(second.changes).toEqual([])
  expect(renewal()?.suggested?.moment).toEqual(later(21))
  expect(second.notes?.get('shop.example.com')).toContain(`is renewed at ${later(21).toISOString().slice(0, 10)}`)
  const id = rig.certificates.issued({ host: 'shop.example.com', aliases: [] }, front.directory)?.id ?? ''
  expect(asked()).toEqual([`/renewal/${await certificateId(spawn, rig.certificates.chainOf('shop.example.com', id))}`])
  await rig.look(shop, rig.reconciler({ random: () => 0.99 }))
  expect(asked()).toHaveLength(1)
  rig.clock.turn(3_601_000)
  const again = later(21).getTime() - 3_601_000
  await rig.look(shop, rig.reconciler({ random: () => 0.99 }))
  expect([asked().length, renewal()?.suggested?.moment.getTime()]).toEqual([2, again])
})

test('a window that is moved away draws another moment; nonsense, silence and refusals leave the last one', async () => {
  front.renewal = () => window(later(30), later(40))
  rig.clock.turn(3_601_000)
  await rig.look(shop, rig.reconciler({ random: () => 0.5 }))
  const moment = renewal()?.suggested?.moment
  expect(moment).toEqual(later(35))
  const nonsense: readonly (() => Response)[] = [
    () => window(later(5), later(4)),
    () => window(new Date('0000-01-01T00:00:00Z'), later(4)),
    () => Response.json({ suggestedWindow: 'tomorrow' }),
    () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
    () => new Response('busy', { status: 503, headers: { 'retry-after': '1' } }),
    () => Response.redirect('http://127.0.0.1:1/'),
  ]
  for (const [index, answer] of nonsense.entries()) {
    front.renewal = answer
    rig.clock.turn(day)
    const { changes } = await rig.look(shop)
    expect([index, changes, renewal()?.suggested?.moment, renewal()?.failures]).toEqual([index, [], moment, index + 1])
  }
  rig.clock.turn(-nonsense.length * day)
  const suggestedWindow = { start: later(30), end: later(40) }
  front.renewal = () => Response.json({ suggestedWindow, explanationURL: 'https://ca.example.com/\0\u001b[2J' })
  await rig.look(shop)
  expect([renewal()?.suggested?.moment, renewal()?.explanation]).toEqual([moment, 'https://ca.example.com/%00%1B[2J'])
})

test('a window that has passed renews at once, for the reason that the authority gives, and with another key', async () => {
  const page = 'https://ca.example.com/incident'
  front.renewal = () => window(later(-3), later(-1), {}, { explanationURL: page })
  rig.clock.turn(day)
  const before = rig.certificates.issued({ host: 'shop.example.com', aliases: [] }, front.directory)
  front.renewal = () => {
    // The new one is left in peace.
    const first = asked().at(-1) === asked()[0]
    return first ? window(later(-3), later(-1), {}, { explanationURL: page }) : window(later(60), later(62))
  }
  const { first, second } = await rig.converge(shop)
  expect(first.changes.map(({ summary }) => summary)).toEqual([
    `renew it from 127.0.0.1 for shop.example.com, because of ${page}`,
  ])
  expect(second.changes).toEqual([])
  const after = rig.certificates.issued({ host: 'shop.example.com', aliases: [] }, front.directory)
  expect(after?.id).not.toBe(before?.id)
})

test('an authority that always says "now" is believed twice a day', async () => {
  front.renewal = () => window(later(-3), later(-1))
  rig.clock.turn(2 * day)
  expect((await rig.converge(shop)).first.changes).toHaveLength(1)
  rig.clock.turn(60_000)
  expect((await rig.converge(shop)).first.changes).toHaveLength(1)
  rig.clock.turn(3_600_000)
  expect((await rig.converge(shop)).first.changes).toEqual([])
})

test('without such words in its directory a certificate is renewed after two thirds of its life', async () => {
  rig.directory = rig.pebble.directory
  const { second } = await rig.converge(shop)
  expect(second.notes?.get('shop.example.com')).toMatch(/^ends in \d+ days, and is renewed before$/)
  const issued = rig.certificates.issued({ host: 'shop.example.com', aliases: [] }, rig.directory)
  const third = ((issued?.end ?? 0) - (issued?.begin ?? 0)) / 3
  rig.clock.turn(2 * third - 120_000 - (rig.clock.now().getTime() - (issued?.begin ?? 0)))
  expect((await rig.look(shop)).changes).toEqual([])
  rig.clock.turn(180_000)
  expect((await rig.look(shop)).changes).toMatchObject([{ operation: 'update' }])
})

import { expect, test } from 'bun:test'
import { proxySite, turnableClock } from './testing/rig.ts'
import { createUpstreams, forbidden } from './upstreams.ts'

const own = { http: 8080, https: 8443, portal: 3000 }
const named = (host: string) => proxySite('app.example.com', 80, { upstream: { protocol: 'http', host, port: 80, path: '' } })

test('no address of a cloud or of the appliance itself may be reached through a proxy', () => {
  for (const address of [
    '169.254.169.254',
    'fe80::1',
    '::ffff:169.254.169.254',
    '100.100.100.200',
    'fd00:ec2::254',
    '0.0.0.0',
    '64:ff9b::a9fe:a9fe',
  ]) {
    expect([address, forbidden(address, 80, own)]).toEqual([address, expect.stringContaining(address)])
  }
  for (const address of ['127.0.0.1', '127.9.9.9', '::1']) {
    expect(forbidden(address, 3000, own)).toContain('portal: true')
    expect(forbidden(address, 8443, own)).toContain('nginx itself')
    expect(forbidden(address, 9000, own)).toBeUndefined()
  }
  for (const address of ['10.0.0.1', '192.168.1.1', '93.184.216.34', '2606:2800:220:1::1']) {
    expect([address, forbidden(address, 3000, own)]).toEqual([address, undefined])
  }
})

test('addresses stay while the name has had them within ten minutes, and change when it has lost one', async () => {
  const clock = turnableClock()
  let answer = ['10.0.0.2', '10.0.0.1']
  const upstreams = createUpstreams(async () => answer, clock, own)
  const ask = (current: readonly string[]) => upstreams.addresses(named('backend.internal'), current)
  expect(await ask([])).toEqual({ state: 'up', addresses: ['10.0.0.1', '10.0.0.2'] })
  answer = ['10.0.0.3']
  expect(await ask(['10.0.0.1', '10.0.0.2'])).toEqual({ state: 'up', addresses: ['10.0.0.1', '10.0.0.2'] })
  clock.turn(601_000)
  expect(await ask(['10.0.0.1', '10.0.0.2'])).toEqual({ state: 'up', addresses: ['10.0.0.3'] })
})

test('a name that cannot be resolved is no error', async () => {
  const upstreams = createUpstreams(() => Promise.reject(new Error('ENOTFOUND')), turnableClock(), own)
  expect(await upstreams.look(named('nowhere.invalid'), [])).toEqual({ state: 'unresolved' })
})

test('an address needs no resolver', async () => {
  const upstreams = createUpstreams(() => Promise.reject(new Error('asked')), turnableClock(), own)
  expect(await upstreams.addresses(named('fd00::7'), [])).toEqual({ state: 'up', addresses: ['fd00::7'] })
})

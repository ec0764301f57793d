import { expect, test } from 'bun:test'
import { networkOf } from './rate-limit.ts'

test('all addresses of one network of IPv6 are one caller, those of another are not', () => {
  const own = ['2001:db8:1:2::1', '2001:0DB8:1:2:ffff:eeee:dddd:cccc', '2001:db8:1:2:3::', '2001:db8:1:2::%eth0']
  for (const address of own) expect(networkOf(address)).toBe('2001:db8:1:2::/64')
  expect(networkOf('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64')
  expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0::/64')
  expect(networkOf('::1')).toBe('0:0:0:0::/64')
  expect([networkOf('203.0.113.7'), networkOf('::ffff:203.0.113.7')]).toEqual(['203.0.113.7', '203.0.113.7'])
  expect(networkOf('unknown')).toBe('unknown')
})

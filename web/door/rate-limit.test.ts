import { expect, test } from 'bun:test'
import { systemClock } from '../../runtime/os/clock.ts'
import { createRateLimiter, networkOf } from './rate-limit.ts'

test('all addresses of one network of IPv6 are one caller, those of another are not', () => {
  const own = ['2001:db8:1:2::1', '2001:0DB8:1:2:ffff:eeee:dddd:cccc', '2001:db8:1:2:3::', '2001:db8:1:2::%eth0']
  for (const address of own) expect(networkOf(address)).toBe('2001:db8:1:2::/64')
  expect(networkOf('2001:db8:1:3::1')).toBe('2001:db8:1:3::/64')
  expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0::/64')
  expect(networkOf('::1')).toBe('0:0:0:0::/64')
  expect([networkOf('203.0.113.7'), networkOf('::ffff:203.0.113.7')]).toEqual(['203.0.113.7', '203.0.113.7'])
  expect(networkOf('unknown')).toBe('unknown')
})

test('a clock that is set back locks nobody out', () => {
  let now = Date.parse('2031-01-01T00:00:00Z')
  const limiter = createRateLimiter({ ...systemClock, now: () => new Date(now) })
  const take = () => limiter.take('POST /git/pre-receive operator', { requests: 2, seconds: 60 })
  expect(take()).toBe(0)
  now = Date.parse('2026-11-29T00:00:00Z')
  expect(take()).toBe(0)
  expect(take()).toBe(30)
  now += 30_000
  expect(take()).toBe(0)
})

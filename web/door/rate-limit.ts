import { isIPv6 } from 'node:net'
import type { Clock } from '../../runtime/os/clock.ts'
import type { RateLimit } from './route.ts'

const most = 10_000

/**
 * A token bucket for each caller and route: a full bucket allows `requests` at once, and refills over `seconds`. Knows
 * at most 10,000 buckets; the least recently used go first.
 */
export function createRateLimiter(clock: Clock) {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return {
    /** Takes one token: 0 when there was one, else the seconds until there is. */
    take(key: string, limit: RateLimit): number {
      const now = clock.now().getTime() / 1_000
      const rate = limit.requests / limit.seconds
      const bucket = buckets.get(key) ?? { tokens: limit.requests, at: now }
      // A clock that is set back takes no tokens away: nobody would be let in until it is that time again.
      const tokens = Math.min(limit.requests, bucket.tokens + Math.max(0, now - bucket.at) * rate)
      buckets.delete(key)
      buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now })
      const oldest = buckets.size > most ? buckets.keys().next().value : undefined
      if (oldest !== undefined) buckets.delete(oldest)
      return tokens >= 1 ? 0 : (1 - tokens) / rate
    },
  }
}

/** Whoever has one address of IPv6 has at least the 2^64 of its network: they count as one. An IPv4 address is itself. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const missing = tail === undefined ? 0 : 8 - left.length - groups(tail).length
  const whole = [...left, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...groups(tail ?? '')]
  return `${whole
    .slice(0, 4)
    .map(group => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

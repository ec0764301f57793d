const first = 1_000
const longest = 300_000

/**
 * Milliseconds until try number `attempts + 1`: one second, doubled each time, at most five minutes, each spread by a
 * quarter in both directions so that many do not come back at once. `random` is in [0, 1).
 */
export function backoff(attempts: number, random: number): number {
  const planned = Math.min(longest, first * 2 ** Math.max(0, attempts - 1))
  return Math.round(planned * (0.75 + random / 2))
}

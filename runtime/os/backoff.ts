export interface Backoff {
  /** Milliseconds before the second try. */
  readonly first: number
  /** Milliseconds that no wait exceeds, but for its spread. */
  readonly longest: number
}

/**
 * Milliseconds to wait after that many failures in a row (from 1): doubled each time, spread by a quarter in both
 * directions so that many do not come back at once. `random` is in [0, 1).
 */
export function backoff({ first, longest }: Backoff, failures: number, random: number): number {
  const planned = Math.min(longest, first * 2 ** Math.min(Math.max(0, failures - 1), 32))
  return Math.round(planned * (0.75 + random / 2))
}

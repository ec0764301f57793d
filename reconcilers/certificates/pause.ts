import type { Attempt } from './attempts.ts'
import { datedTries, isOfFuture } from './tried-at.ts'

const hour = 3_600_000
/** Failed tries of one host in one hour. */
const mostFailures = 3

/**
 * Until when there are no more tries, after three failures in an hour or by the authority's own word; `attempts`: the newest
 * first. Tries of a clock that was ahead count with the others: where nobody can say when they were made one more is made, which
 * tells, so that a wrong clock keeps a host waiting for an hour at the most.
 */
export function pauseAfter(attempts: readonly Attempt[], now: number): Date | undefined {
  const failures = datedTries(attempts, now).filter(({ failure }) => failure !== undefined)
  const third = failures[mostFailures - 1]?.tried
  const own = third === undefined ? 0 : third + hour
  const last = attempts.find(attempt => attempt.failure === undefined || !isOfFuture(attempt, now))
  const told = last?.notBefore?.getTime() ?? 0
  const until = Math.max(own, told)
  return until > now ? new Date(until) : undefined
}

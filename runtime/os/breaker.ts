import type { Clock } from './clock.ts'
import { ApplianceError, explain } from './errors.ts'

/** Named and numbered as in the user's plan. */
export interface BreakerOptions {
  /** What people call the service: `Claude`, `the search provider`. */
  readonly name: string
  readonly clock: Pick<Clock, 'now'>
  /** Failures in a row that open it; default 5. */
  readonly failureThreshold?: number
  /** Milliseconds that it stays open before it lets somebody try again; default 30,000. */
  readonly recoveryTimeout?: number
  /** Requests that it lets through to try, until one of them has told how it went; default 3. */
  readonly halfOpenRequests?: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerStanding {
  readonly name: string
  readonly state: BreakerState
  /** Failures in a row. */
  readonly failures: number
  /** What the last failure said; empty while nothing fails. */
  readonly reason: string
}

export interface BreakerRefusal {
  /** Milliseconds after which asking again makes sense; never 0. */
  readonly retryInMs: number
  /** For a person: `Claude is away: overloaded`. */
  readonly reason: string
}

/**
 * Keeps from asking an outside service that fails again and again. Ask `allow` before each request, and tell `success` or
 * `failure` after it; what says nothing about the service (a refused key, a cancelled request) is told to neither.
 */
export interface Breaker {
  allow(): true | BreakerRefusal
  success(): void
  /** `retryInMs`: what the service itself said of when to come back; it opens at once for as long. */
  failure(error: unknown, retryInMs?: number): void
  standing(): BreakerStanding
  /** Calls back whenever the state changes. */
  subscribe(listener: (standing: BreakerStanding) => void): () => void
}

/** The longest that a service may send us away, in milliseconds. */
const longestAbsence = 600_000

export function createBreaker(options: BreakerOptions): Breaker {
  const { name, clock, failureThreshold = 5, recoveryTimeout = 30_000, halfOpenRequests = 3 } = options
  const listeners = new Set<(standing: BreakerStanding) => void>()
  let state: BreakerState = 'closed'
  let failures = 0
  let reason = ''
  let openUntil = 0
  let tries = 0

  const now = () => clock.now().getTime()
  const standing = (): BreakerStanding => ({ name, state, failures, reason })
  const become = (next: BreakerState) => {
    if (next === state) return
    state = next
    for (const listener of listeners) listener(standing())
  }
  const open = (milliseconds: number) => {
    openUntil = now() + milliseconds
    become('open')
  }
  const refusal = (): BreakerRefusal => ({
    retryInMs: Math.max(1, openUntil - now()),
    reason: reason === '' ? `${name} is away` : `${name} is away: ${reason}`,
  })

  return {
    allow() {
      if (state === 'closed') return true
      if (now() >= openUntil) {
        // Also when those who were let through never told: they were cancelled, and others may try.
        tries = halfOpenRequests
        openUntil = now() + recoveryTimeout
        become('half-open')
      }
      if (state === 'open' || tries === 0) return refusal()
      tries -= 1
      return true
    },
    success() {
      // Of a request that began before the service went away: it proves nothing any more.
      if (state === 'open') return
      failures = 0
      reason = ''
      become('closed')
    },
    failure(error, retryInMs = 0) {
      failures += 1
      reason = explain(error)
      if (state === 'open' && retryInMs <= 0) return
      const asked = Math.min(retryInMs, longestAbsence)
      if (asked > 0) open(Math.max(asked, state === 'open' ? openUntil - now() : 0))
      else if (state === 'half-open' || failures >= failureThreshold) open(recoveryTimeout)
    },
    standing,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/**
 * Runs one request through the breaker. Throws `waiting` without asking while it is open. `isOutage` says which errors
 * speak of the service, and not of what was asked.
 */
export async function throughBreaker<Result>(
  breaker: Breaker,
  request: () => Promise<Result>,
  isOutage: (error: unknown) => boolean,
): Promise<Result> {
  const allowed = breaker.allow()
  if (allowed !== true) {
    const seconds = Math.ceil(allowed.retryInMs / 1_000)
    throw new ApplianceError('waiting', allowed.reason, { hint: `it is asked again in ${seconds} s` })
  }
  try {
    const result = await request()
    breaker.success()
    return result
  } catch (error) {
    if (isOutage(error)) breaker.failure(error)
    throw error
  }
}

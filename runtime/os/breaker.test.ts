import { describe, expect, test } from 'bun:test'
import { type Breaker, type BreakerOptions, createBreaker, throughBreaker } from './breaker.ts'

function handHeldClock() {
  let milliseconds = 1_000_000
  return {
    now: () => new Date(milliseconds),
    pass(more: number) {
      milliseconds += more
    },
  }
}

function breakerWithClock(options: Partial<BreakerOptions> = {}) {
  const clock = handHeldClock()
  return { clock, breaker: createBreaker({ name: 'Claude', clock, ...options }) }
}

const fail = (breaker: Breaker, times: number) => {
  for (let count = 0; count < times; count++) breaker.failure(new Error('overloaded'))
}

describe('a breaker', () => {
  test('lets everything through while fewer than five failures came in a row', () => {
    const { breaker } = breakerWithClock()
    fail(breaker, 4)
    expect(breaker.allow()).toBe(true)
    breaker.success()
    fail(breaker, 4)
    expect(breaker.allow()).toBe(true)
    expect(breaker.standing()).toEqual({ name: 'Claude', state: 'closed', failures: 4, reason: 'overloaded' })
  })

  test('opens with the fifth, and says for how long and why', () => {
    const { breaker, clock } = breakerWithClock()
    fail(breaker, 5)
    clock.pass(10_000)
    expect(breaker.allow()).toEqual({ retryInMs: 20_000, reason: 'Claude is away: overloaded' })
  })

  test('is not kept open by failures of requests that were under way', () => {
    const { breaker, clock } = breakerWithClock()
    fail(breaker, 5)
    clock.pass(29_000)
    fail(breaker, 3)
    clock.pass(1_000)
    expect(breaker.allow()).toBe(true)
  })

  test('lets three try after thirty seconds; the first success closes it', () => {
    const { breaker, clock } = breakerWithClock()
    fail(breaker, 5)
    clock.pass(30_000)
    expect([1, 2, 3].map(() => breaker.allow())).toEqual([true, true, true])
    expect(breaker.allow()).toMatchObject({ reason: 'Claude is away: overloaded' })
    breaker.success()
    expect(breaker.allow()).toBe(true)
    expect(breaker.standing()).toEqual({ name: 'Claude', state: 'closed', failures: 0, reason: '' })
  })

  test('opens again for thirty seconds when one that tried fails', () => {
    const { breaker, clock } = breakerWithClock()
    fail(breaker, 5)
    clock.pass(30_000)
    breaker.allow()
    fail(breaker, 1)
    expect(breaker.allow()).toMatchObject({ retryInMs: 30_000 })
  })

  test('is not stuck when those who tried were cancelled and never told', () => {
    const { breaker, clock } = breakerWithClock({ halfOpenRequests: 1 })
    fail(breaker, 5)
    clock.pass(30_000)
    expect(breaker.allow()).toBe(true)
    expect(breaker.allow()).toMatchObject({ retryInMs: 30_000 })
    clock.pass(30_000)
    expect(breaker.allow()).toBe(true)
  })

  test('is not closed by the late success of a request from before', () => {
    const { breaker } = breakerWithClock()
    fail(breaker, 5)
    breaker.success()
    expect(breaker.standing().state).toBe('open')
  })

  test('opens at once for as long as the service itself asks, ten minutes at most', () => {
    const { breaker } = breakerWithClock()
    breaker.failure(new Error('too many requests'), 90_000)
    expect(breaker.allow()).toMatchObject({ retryInMs: 90_000 })
    breaker.failure(new Error('too many requests'), 5_000)
    expect(breaker.allow()).toMatchObject({ retryInMs: 90_000 })
    breaker.failure(new Error('too many requests'), 86_400_000)
    expect(breaker.allow()).toMatchObject({ retryInMs: 600_000 })
  })

  test('tells its listeners of each change of state, and nobody who left', () => {
    const { breaker, clock } = breakerWithClock()
    const seen: string[] = []
    const leave = breaker.subscribe(({ state }) => void seen.push(state))
    fail(breaker, 6)
    clock.pass(30_000)
    breaker.allow()
    breaker.success()
    leave()
    fail(breaker, 5)
    expect(seen).toEqual(['open', 'half-open', 'closed'])
  })
})

test('a request is not made while the service is away, and its own mistakes do not count against the service', async () => {
  const { breaker, clock } = breakerWithClock({ failureThreshold: 2 })
  const outage = (error: unknown) => error instanceof TypeError
  const asked: string[] = []
  const ask = (what: string, error?: Error) =>
    throughBreaker(
      breaker,
      async () => {
        asked.push(what)
        if (error !== undefined) throw error
        return what
      },
      outage,
    )
  for (const wrong of ['a', 'b', 'c']) await expect(ask(wrong, new Error('no such page'))).rejects.toThrow('no such page')
  for (const away of ['d', 'e']) await expect(ask(away, new TypeError('unreachable'))).rejects.toThrow('unreachable')
  await expect(ask('f')).rejects.toThrow('Claude is away: unreachable')
  clock.pass(30_000)
  expect(await ask('g')).toBe('g')
  expect(asked).toEqual(['a', 'b', 'c', 'd', 'e', 'g'])
})

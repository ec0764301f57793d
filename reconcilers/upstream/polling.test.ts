import { expect, test } from 'bun:test'
import { startPolling } from './polling.ts'

test('a clock that is set back while it waits makes the next look no later', async () => {
  let now = Date.parse('2031-01-01T00:00:00Z')
  let looks = 0
  const slept: number[] = []
  const second = Promise.withResolvers<void>()
  const polling = startPolling({
    mirror: {
      followed: () => undefined,
      async look() {
        looks += 1
        if (looks === 2) second.resolve()
      },
    },
    clock: {
      now: () => new Date(now),
      async sleep(milliseconds) {
        slept.push(milliseconds)
        if (looks === 1) now = Date.parse('2026-11-29T00:00:00Z')
        else await new Promise(() => {})
      },
    },
    random: () => 0.5,
    wanted: () => true,
  })
  await second.promise
  void polling.stop()
  expect(slept.slice(0, 2)).toEqual([60_000, 1_000])
})

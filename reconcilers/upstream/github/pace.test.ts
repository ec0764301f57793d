import { expect, test } from 'bun:test'
import { systemClock } from '../../../runtime/os/clock.ts'
import { createPace } from './pace.ts'
import { createSetbacks } from './setbacks.ts'

test('a clock that is set back by years holds up no plan and no second try', () => {
  let now = Date.parse('2031-01-01T00:00:00Z')
  const clock = { ...systemClock, now: () => new Date(now) }
  const pace = createPace(clock, { minute: 1, hour: 2 })
  const setbacks = createSetbacks(clock, () => 0.5)
  expect([pace.take(), pace.take()]).toEqual([true, false])
  setbacks.add('7 abc')
  expect(setbacks.isResting('7 abc')).toBe(true)
  now = Date.parse('2026-11-29T00:00:00Z')
  expect([pace.take(), pace.take()]).toEqual([true, false])
  expect(setbacks.isResting('7 abc')).toBe(false)
})

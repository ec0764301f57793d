import { expect, test } from 'bun:test'
import { turnableClock } from '../sites/testing/rig.ts'
import type { Attempt } from './attempts.ts'
import { pauseAfter } from './pause.ts'

const minute = 60_000
const hour = 60 * minute
const year = 8_766 * hour

/** Tries as they are written down, and the minutes that are to be waited after them. */
function diary() {
  const clock = turnableClock()
  const attempts: Attempt[] = []
  const tell = (failure: string | undefined, wait?: number) => {
    const at = clock.now()
    const notBefore = wait === undefined ? undefined : new Date(at.getTime() + wait)
    attempts.unshift({ host: 'shop.example.com', at, directory: 'https://acme.example.com/directory', failure, notBefore })
  }
  const waits = () => {
    const now = clock.now().getTime()
    const until = pauseAfter(attempts, now)
    return until === undefined ? 0 : (until.getTime() - now) / minute
  }
  return { turn: clock.turn, waits, give: () => tell(undefined), fail: (wait?: number) => tell('no', wait) }
}

test('three failures in an hour, whatever was given between them, are followed by an hour from the first of them', () => {
  const { turn, waits, give, fail } = diary()
  for (const after of [0, 10 * minute]) {
    turn(after)
    fail()
    give()
    expect(waits()).toBe(0)
  }
  turn(10 * minute)
  fail()
  expect(waits()).toBe(40)
  turn(40 * minute)
  expect(waits()).toBe(0)
})

test('failures of a clock that was years ahead count, and keep nobody waiting for longer than an hour after it was put right', () => {
  const { turn, waits, fail } = diary()
  turn(year)
  for (const _ of [1, 2, 3]) fail(2 * hour)
  expect(waits()).toBe(120)
  turn(-year)
  // Nobody can say how long ago it was: one more try tells.
  expect(waits()).toBe(0)
  fail()
  expect(waits()).toBe(60)
  turn(hour)
  fail()
  expect(waits()).toBe(0)
  fail()
  fail()
  expect(waits()).toBe(60)
})

test('a failure of the future is one of the three with those before and after it', () => {
  const { turn, waits, fail } = diary()
  fail()
  turn(10 * minute)
  fail()
  turn(year)
  fail()
  turn(-year)
  expect(waits()).toBe(50)
  turn(55 * minute)
  expect(waits()).toBe(0)
  fail()
  expect(waits()).toBe(5)
})

test('failures of just now are known as such again once a clock that fell back for a while is put right', () => {
  const { turn, waits, fail } = diary()
  for (const _ of [1, 2, 3]) fail()
  turn(-year)
  expect(waits()).toBe(0)
  fail()
  expect(waits()).toBe(60)
  turn(year + 10 * minute)
  expect(waits()).toBe(50)
})

test('the word of the authority is the last one that can be dated, and none after it has given one', () => {
  const { turn, waits, give, fail } = diary()
  fail(2 * hour)
  turn(year)
  fail(2 * hour)
  turn(-year)
  expect(waits()).toBe(120)
  turn(year)
  give()
  turn(-year)
  expect(waits()).toBe(0)
})

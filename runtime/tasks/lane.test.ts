import { expect, test } from 'bun:test'
import { createLane } from './lane.ts'

test('while the store is away everybody is told so, and once it is back the lane goes on', async () => {
  let away = true
  let doubts = 0
  const lane = createLane({
    before: async () => {
      if (away) throw new Error('the store is away')
    },
    failed: () => void doubts++,
  })
  const double = lane.gathered(async (items: readonly number[]) => items.map(item => item * 2))
  const refused = await Promise.allSettled([double(1), double(2), lane.run(async () => 3)])
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  away = false
  expect(await Promise.all([double(1), double(2), lane.run(async () => 3)])).toEqual([2, 4, 3])
  expect(doubts).toBe(0)
})

test('a work that fails casts doubt on what is known, whether it was one or gathered', async () => {
  let doubts = 0
  const lane = createLane({ before: async () => {}, failed: () => void doubts++ })
  const failing = () => Promise.reject(new Error('no answer'))
  const gathered = lane.gathered<number, number>(failing)
  expect(await Promise.allSettled([lane.run(failing), gathered(1), gathered(2)])).toHaveLength(3)
  expect(doubts).toBe(2)
})

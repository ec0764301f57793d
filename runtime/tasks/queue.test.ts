import { expect, test } from 'bun:test'
import { byUrgency, createQueue } from './queue.ts'

test('whatever comes and goes in whatever order, the most urgent stand first', () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return seed % below
  }
  const queue = createQueue()
  let there: { rank: number; position: number }[] = []
  for (let position = 0; position < 20_000; position++) {
    // Grows to some thousands, then is emptied, mostly from its front.
    if (there.length === 0 || random(10) < (position < 10_000 ? 7 : 2)) {
      const item = { rank: random(4) === 0 ? random(1_000) : position, position }
      queue.add(item)
      there.push(item)
    } else {
      if (position % 100 === 0) there = there.toSorted(byUrgency)
      const [gone] = there.splice(random(4) === 0 ? random(there.length) : 0, 1)
      if (gone !== undefined) queue.remove(gone)
    }
    if (position % 500 === 0) expect(queue.first(50)).toEqual(there.toSorted(byUrgency).slice(0, 50))
  }
  expect(queue.first(20_000)).toEqual(there.toSorted(byUrgency))
  queue.remove({ rank: -1, position: -1 })
  expect(queue.first(20_000)).toHaveLength(there.length)
})

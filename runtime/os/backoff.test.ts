import { expect, test } from 'bun:test'
import { backoff } from './backoff.ts'

test('waits double up to a limit, spread by a quarter both ways', () => {
  const bounds = { first: 1_000, longest: 300_000 }
  expect([1, 2, 3, 20, 5_000].map(failures => backoff(bounds, failures, 0.5))).toEqual([1_000, 2_000, 4_000, 300_000, 300_000])
  expect([backoff(bounds, 1, 0), backoff(bounds, 1, 0.999)]).toEqual([750, 1_250])
})

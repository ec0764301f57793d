import { expect, test } from 'bun:test'
import { priceOf, tokensOf } from './prices.ts'

const usage = (model: string) => ({
  model,
  inputTokens: 1_000,
  outputTokens: 100,
  cacheReadTokens: 10_000,
  cacheWriteTokens: 400,
})

test('a call costs what the price list says of its model', () => {
  expect(priceOf(usage('claude-sonnet-5-5'))).toBe((1_000 + 1_000 + 500) * 2 + 100 * 10)
  expect(priceOf(usage('claude-opus-5-5'))).toBe(2_500 * 4 + 100 * 20)
})

test('an unknown model costs what the dearest costs', () => {
  expect(priceOf(usage('something-new'))).toBe(2_500 * 15 + 100 * 75)
})

test('tokens of the cache count', () => {
  expect(tokensOf(usage('claude-haiku-4-5'))).toBe(11_500)
})

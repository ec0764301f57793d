import type { Usage } from '../bus/work.ts'

/**
 * US dollars for a million tokens of input and of output, by what the name of the model contains; the first line that fits
 * counts. Source: Anthropic's public price list, platform.claude.com/docs/en/about-claude/pricing, as of October 2026. Where a price
 * has bands or was lowered, the higher one stands here, so that an estimate errs upwards.
 */
const prices: readonly (readonly [family: string, input: number, output: number])[] = [
  ['fable', 10, 50],
  ['mythos', 10, 50],
  ['opus-5-5', 4, 20],
  ['opus-5', 5, 25],
  ['opus-4-8', 5, 25],
  ['opus-4-7', 5, 25],
  ['opus-4-6', 5, 25],
  ['opus-4-5', 5, 25],
  ['sonnet-5', 2, 10],
  ['sonnet', 3, 15],
  ['haiku-5-5', 0.5, 2.5],
  ['haiku', 1, 5],
]

/** Of Opus 3 to 4.1, and of every model that is not in the list. */
const dearest = ['', 15, 75] as const

/** Reading the prompt cache and writing it for five minutes, as a part of the price of input. */
const cacheRead = 0.1
const cacheWrite = 1.25

/** Microdollars, which dollars for a million tokens are for one; an unknown model counts as the dearest. */
export function priceOf(usage: Usage): number {
  const model = usage.model.toLowerCase()
  const [, input, output] = prices.find(([family]) => model.includes(family)) ?? dearest
  const read = usage.inputTokens + usage.cacheReadTokens * cacheRead + usage.cacheWriteTokens * cacheWrite
  return Math.round(read * input + usage.outputTokens * output)
}

/** What a budget of tokens counts: what came out of the cache included. */
export const tokensOf = (usage: Usage): number =>
  usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens

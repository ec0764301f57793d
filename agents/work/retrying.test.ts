import { expect, test } from 'bun:test'
import type { WorkEvent } from '../../runtime/bus/work.ts'
import { call, cut, overloaded, problem, rateLimited, say, stalled, together } from '../testing/steps.ts'
import { toolOf, workBench } from './testing/bench.ts'
import { delayOf } from './turn.ts'

const waitsOf = (events: readonly WorkEvent[]) => events.flatMap(event => (event.type === 'waiting' ? [event.reason] : []))

test('a rate limit is waited for as long as the service says, in words, and without a token', async () => {
  await using bench = await workBench({ script: [rateLimited(12), overloaded(7), say('Here.')] })
  expect(await bench.run()).toEqual({ outcome: 'done', text: 'Here.' })
  expect(waitsOf(bench.events)).toEqual([
    'the rate limit of Claude is reached, again in 12 s',
    '',
    'Claude is overloaded, again in 7 s',
    '',
  ])
  expect(bench.slept).toEqual([12_000, 7_000])
  expect(bench.events.filter(event => event.type === 'usage')).toHaveLength(1)
})

test('while Claude is away for long the work waits with the reason, asks seldom, and goes on by itself', async () => {
  let asked = 0
  await using bench = await workBench({ script: () => (asked++ < 40 ? overloaded() : say('Back.')) })
  expect(await bench.run()).toEqual({ outcome: 'done', text: 'Back.' })
  const waited = bench.slept.reduce((sum, one) => sum + one, 0)
  expect(waited).toBeGreaterThan(40 * 15_000)
  expect(Math.max(...bench.slept)).toBeLessThanOrEqual(60_000)
  expect(new Set(waitsOf(bench.events).map(reason => reason.replaceAll(/\d+/g, 'n')))).toEqual(
    new Set(['Claude is overloaded, again in n s', '', 'Claude is away: overloaded, again in n s']),
  )
  expect(waitsOf(bench.events).at(-1)).toBe('')
})

test('a stream that is cut starts again: what it said is taken back, and its call is made once', async () => {
  let made = 0
  const turn = together(say('I look.'), call('read', { x: 'a' }))
  await using bench = await workBench({
    tools: [toolOf('read', () => ({ content: `${made++}` }))],
    script: [cut(turn), turn, cut(say('Half')), say('Done.')],
  })
  expect(await bench.run()).toEqual({ outcome: 'done', text: 'I look.\n\nDone.' })
  expect(made).toBe(1)
  expect(bench.events.filter(event => event.type === 'retracted')).toHaveLength(2)
  expect(bench.transcript().map(entry => entry.role)).toEqual(['user', 'assistant', 'user', 'assistant'])
  expect(bench.events.filter(event => event.type === 'usage')).toHaveLength(4)
})

test('a stream that says nothing for too long is cut and asked again', async () => {
  await using bench = await workBench({ script: [stalled(say('Hm')), say('Done.')], stallMs: 80 })
  expect(await bench.run()).toEqual({ outcome: 'done', text: 'Done.' })
  expect(waitsOf(bench.events)[0]).toMatch(/said nothing for 0 s, again in 1 s$/)
})

test('answers that break off again and again end the work with what to do', async () => {
  await using bench = await workBench({ script: () => cut(say('Half')) })
  expect(await bench.run()).toMatchObject({
    outcome: 'failed',
    text: expect.stringMatching(/broke off 3 times in a row.*check the network/),
  })
  expect(bench.model.calls).toHaveLength(3)
})

test('an error of the service itself in the middle of a stream is waited for like one before it', async () => {
  await using bench = await workBench({ script: [problem(500, 'api_error', 'internal'), say('Done.')] })
  expect(await bench.run()).toMatchObject({ outcome: 'done' })
})

test('what asking again does not help is said at once', async () => {
  await using bench = await workBench({ script: [problem(400, 'invalid_request_error', 'tools.0: no')] })
  expect(await bench.run()).toEqual({ outcome: 'failed', text: 'Claude answered 400: tools.0: no' })
  expect(bench.slept).toEqual([])
})

test('nobody comes back at the same moment, and never before the service said', () => {
  expect(delayOf(0, 12_000, () => 0)).toBe(12_000)
  expect(delayOf(0, 12_000, () => 1)).toBe(13_000)
  expect(delayOf(0, 86_400_000, () => 0)).toBe(600_000)
  expect([0, 1, 2, 9].map(failures => delayOf(failures, undefined, () => 1))).toEqual([1_000, 2_000, 4_000, 60_000])
  expect(delayOf(3, undefined, () => 0)).toBe(4_000)
})

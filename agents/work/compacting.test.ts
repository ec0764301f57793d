import { expect, test } from 'bun:test'
import type { Entry } from '../../runtime/bus/work.ts'
import type { ModelCall } from '../testing/model-request.ts'
import { call, counted, problem, type Step, say } from '../testing/steps.ts'
import { compactionPoint, summaryRequest } from './compaction.ts'
import { toolOf, workBench } from './testing/bench.ts'

const wantsSummary = ({ body }: ModelCall) => body.includes(JSON.stringify(summaryRequest).slice(1, 60))

/** Scripts the turns, and answers requests for a summary besides. */
const summarising = (turns: Step[], summary: Step = say('They want a page; bread is white.')) => {
  let place = 0
  return (asked: ModelCall): Step =>
    wantsSummary(asked) ? summary : (turns[place++] ?? problem(400, 'e', 'the script has ended'))
}

test('before the window is full the beginning becomes a summary, and the task in the middle goes on', async () => {
  await using bench = await workBench({
    tools: [toolOf('read', ({ x }) => ({ content: `text of ${x}` }))],
    script: summarising([call('read', { x: 'a' }), counted(9_000, call('read', { x: 'b' })), say('Done.')]),
    limits: { compactAt: 5_000 },
  })
  expect(await bench.run({ text: 'Build a page.' })).toEqual({ outcome: 'done', text: 'Done.' })
  expect(bench.events.filter(event => event.type === 'compacted')).toHaveLength(1)
  const [, , summary, after] = bench.model.calls
  expect(summary?.body).toContain('"tool_choice":{"type":"none"}')
  expect(summary?.tools).toEqual(after?.tools ?? [])
  expect(after?.messages.map(message => message.role)).toEqual(['user', 'assistant', 'user'])
  expect(after?.body).toContain('bread is white')
  expect(after?.messages[0]?.content).toContain('Build a page.')
  expect(after?.messages[2]?.content).toBe('text of b')
  expect(bench.events.some(event => event.type === 'text' && event.text.includes('bread'))).toBe(false)
})

test('the longest answer still fits into the window where a conversation is shortened', () => {
  expect(compactionPoint(150_000, 4_096)).toBe(150_000)
  for (const maxTokens of [50_000, 100_000]) expect(compactionPoint(150_000, maxTokens) + maxTokens).toBeLessThan(200_000)
})

test('a conversation that does not fit is shortened, by halves where even the summary does not fit', async () => {
  const old: Entry[] = Array.from({ length: 40 }, (_, place) => ({
    role: place % 2 === 0 ? 'user' : 'assistant',
    content: [{ type: 'text', text: `turn ${place} ${'.'.repeat(500)}` }],
  }))
  await using bench = await workBench({
    script: asked => {
      if (asked.messages.length > 25)
        return problem(400, 'invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum')
      return wantsSummary(asked) ? say('In short.') : say('Fine.')
    },
  })
  expect(await bench.run({ transcript: old, begun: false })).toEqual({ outcome: 'done', text: 'Fine.' })
  expect(bench.model.calls.map(asked => asked.messages.length)).toEqual([41, 42, 20, 1])
  expect(bench.model.calls.at(-1)?.messages[0]?.content).toContain('Hello?')
})

test('one message that is too long by itself fails with what to do', async () => {
  await using bench = await workBench({ script: () => problem(400, 'invalid_request_error', 'prompt is too long') })
  expect(await bench.run()).toMatchObject({ outcome: 'failed', text: expect.stringContaining('start a new conversation') })
})

test('a hook may say what the summary keeps, or that it stays as it is', async () => {
  const script = () => summarising([call('read', { x: 'a' }), counted(9_000, call('read', { x: 'b' })), say('Done.')])
  const tools = [toolOf('read', () => ({ content: 'x' }))]
  await using bench = await workBench({ tools, script: script(), limits: { compactAt: 5_000 } })
  bench.lifecycle.on('PreCompact', () => ({ context: 'Keep the colours.' }))
  await bench.run()
  expect(bench.model.calls[2]?.body).toContain('Keep the colours.')
  await using held = await workBench({ tools, script: script(), limits: { compactAt: 5_000 } })
  held.lifecycle.on('PreCompact', () => ({ block: 'not now' }))
  expect(await held.run()).toMatchObject({ outcome: 'done' })
  expect(held.events.some(event => event.type === 'compacted')).toBe(false)
})

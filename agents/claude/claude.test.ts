import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages'
import type { ModelEvent, ModelRequest } from '../model.ts'
import { type ModelServer, startModelServer } from '../testing/model-server.ts'
import {
  malformed,
  nothing,
  overloaded,
  problem,
  rateLimited,
  type Step,
  say,
  slowly,
  stalled,
  together,
} from '../testing/steps.ts'
import { createAssembly } from './assembly.ts'
import { claude } from './claude.ts'

let server: ModelServer
beforeAll(() => {
  server = startModelServer()
})
afterAll(() => server.stop())

const request: ModelRequest = {
  ...{ model: 'claude-test', maxTokens: 100, system: 'You are the agent "code".', tools: [], mayCall: true },
  entries: [{ role: 'user', content: [{ type: 'text', text: 'Hello?' }] }],
}

async function ask(step: Step, options: { stallMs?: number; signal?: AbortSignal } = {}): Promise<ModelEvent[]> {
  server.script({ code: [step] })
  const model = claude({ apiKey: 'k', baseUrl: server.url }, { stallMs: options.stallMs ?? 5_000 })
  return Array.fromAsync(model(request, options.signal ?? new AbortController().signal))
}

async function troubleOf(step: Step, options: { stallMs?: number } = {}) {
  const last = (await ask(step, options)).at(-1)
  if (last?.type !== 'trouble') throw new Error('there was no trouble')
  return last.trouble
}

test('words come as they are said, and the answer whole at the end with what it cost', async () => {
  const events = await ask(together(say('Zwei ', 'Bäume.'), malformed('run', '{"x": {"b": 1, "a": [2]}}')))
  expect(events.slice(0, -1)).toEqual([
    { type: 'text', text: 'Zwei ' },
    { type: 'text', text: 'Bäume.' },
  ])
  expect(events.at(-1)).toMatchObject({
    type: 'end',
    stop: 'tool_use',
    content: [
      { type: 'text', text: 'Zwei Bäume.' },
      { type: 'tool_use', name: 'run', input: { x: { b: 1, a: [2] } } },
    ],
    usage: { model: 'claude-test', outputTokens: expect.any(Number) },
  })
})

test('what would be refused when it goes back does not go back: empty words, and input that is no object', async () => {
  expect((await ask(together(say(' \n'), nothing()))).at(-1)).toMatchObject({ type: 'end', content: [] })
  for (const json of ['[1]', '"x"', 'null', '{"x": ', '\u0000']) {
    const end = (await ask(malformed('run', json))).at(-1)
    expect(end).toMatchObject({ content: [{ type: 'tool_use', input: { INVALID_JSON: json } }] })
  }
  expect((await ask(malformed('run', ''))).at(-1)).toMatchObject({ content: [{ input: {} }] })
})

test('what the service says is told apart: away, refused, too long, cut', async () => {
  expect(await troubleOf(rateLimited(12))).toMatchObject({ kind: 'away', retryInMs: 12_000 })
  expect(await troubleOf(overloaded())).not.toHaveProperty('retryInMs')
  expect(await troubleOf(problem(503, 'api_error', 'x'))).toMatchObject({ kind: 'away' })
  expect(await troubleOf(problem(400, 'invalid_request_error', 'prompt is too long: 1 > 0'))).toMatchObject({ kind: 'too-long' })
  const full =
    'input length and `max_tokens` exceed context limit: 150000 + 100000 > 200000, decrease input length or `max_tokens`'
  expect(await troubleOf(problem(400, 'invalid_request_error', full))).toMatchObject({ kind: 'too-long' })
  expect(await troubleOf(problem(413, 'request_too_large', 'x'))).toMatchObject({ kind: 'too-long' })
  expect((await troubleOf(problem(401, 'authentication_error', 'x'))).error.hint).toContain('ANTHROPIC_API_KEY')
  expect((await troubleOf(problem(404, 'not_found_error', 'x'))).error.message).toContain('knows no model claude-test')
})

test('a service that cannot be reached is away, and says so without an address of ours', async () => {
  const gone = claude({ apiKey: 'k', baseUrl: 'http://127.0.0.1:1' })
  const [event] = await Array.fromAsync(gone(request, new AbortController().signal))
  expect(event).toMatchObject({
    type: 'trouble',
    trouble: { kind: 'away', reason: expect.stringMatching(/^Claude cannot be reached/) },
  })
})

test('silence is cut, slowness is not', async () => {
  expect(await troubleOf(stalled(say('Hm')), { stallMs: 60 })).toMatchObject({ kind: 'cut' })
  expect((await ask(slowly(20, say('a', 'b', 'c', 'd', 'e', 'f')), { stallMs: 100 })).at(-1)).toMatchObject({ type: 'end' })
})

test('an abort ends it by throwing, at once', async () => {
  const stop = new AbortController()
  const asked = ask(stalled(say('Hm')), { signal: stop.signal })
  setTimeout(() => stop.abort(new Error('enough')), 30)
  await expect(asked).rejects.toThrow()
})

test('without a key nothing is asked', async () => {
  const events = await Array.fromAsync(claude({ apiKey: undefined, baseUrl: undefined })(request, new AbortController().signal))
  expect(events).toMatchObject([{ type: 'trouble', trouble: { kind: 'refused' } }])
})

test('a thought goes back with its signature, as the service wants it', () => {
  const assembly = createAssembly('m')
  const events = [
    { type: 'message_start', message: { usage: { input_tokens: 1, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'abc' } },
    { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'xyz' } },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7, input_tokens: null } },
    { type: 'message_stop' },
  ]
  // The service sends more fields than the assembly reads.
  const texts = events.map(event => assembly.add(event as RawMessageStreamEvent))
  expect(texts.join('')).toBe('')
  expect(assembly.end()).toMatchObject({
    content: [
      { type: 'thinking', thinking: 'Hm.', signature: 'abc' },
      { type: 'redacted_thinking', data: 'xyz' },
    ],
    usage: { inputTokens: 1, outputTokens: 7 },
  })
})

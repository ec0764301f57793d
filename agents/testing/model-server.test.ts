import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Anthropic, APIError } from '@anthropic-ai/sdk'
import type { MessageParam } from '@anthropic-ai/sdk/resources/messages'
import { type ModelServer, startModelServer } from './model-server.ts'
import { call, counted, cut, malformed, nothing, overloaded, rateLimited, say, together } from './steps.ts'

let server: ModelServer
beforeAll(() => {
  server = startModelServer()
})
afterAll(() => server.stop())

const client = () => new Anthropic({ apiKey: 'k', baseURL: server.url, maxRetries: 0 })
const ask = (messages: MessageParam[] = [{ role: 'user', content: 'hello' }], agent = 'code') =>
  client()
    .messages.stream({ model: 'm', max_tokens: 9, system: `Hi. You are the agent "${agent}".`, messages })
    .finalMessage()
const refused = async (asked: Promise<unknown>) => {
  const error = await asked.catch(cause => cause)
  if (!(error instanceof APIError)) throw new Error('it was not refused')
  return error
}

test('a script is taken turn by turn, for each agent on its own, and a turn too many is refused', async () => {
  server.script({
    code: [together(say('I ', 'look.'), call('read', { path: 'a' }), call('read', { path: 'b' })), say('Done.')],
    qa: [say('Fine.')],
  })
  const first = await ask()
  expect(first.stop_reason).toBe('tool_use')
  expect(first.content).toMatchObject([
    { type: 'text', text: 'I look.' },
    { type: 'tool_use', name: 'read', input: { path: 'a' } },
    { type: 'tool_use', name: 'read', input: { path: 'b' } },
  ])
  expect((await ask(undefined, 'qa')).content).toMatchObject([{ text: 'Fine.' }])
  expect(server.left('code')).toBe(1)
  expect((await ask()).content).toMatchObject([{ text: 'Done.' }])
  expect((await refused(ask())).message).toContain('the script of code has ended')
})

test('it refuses, waits and breaks as the real one does', async () => {
  server.script({ code: [rateLimited(12), overloaded(), cut(say('half')), nothing(), counted(150_000, say('x'))] })
  const limited = await refused(ask())
  expect([limited.status, limited.headers?.get('retry-after')]).toEqual([429, '12'])
  expect((await refused(ask())).status).toBe(529)
  await expect(ask()).rejects.toThrow()
  expect((await ask()).content).toEqual([])
  expect((await ask()).usage.input_tokens).toBe(150_000)
})

test('the input of a tool goes out word for word, JSON or not', async () => {
  server.script({ code: [malformed('run', '{"command": "ls')] })
  const pieces: string[] = []
  const stream = await client().messages.create({
    ...{ model: 'm', max_tokens: 9, stream: true, system: 'You are the agent "code".' },
    messages: [{ role: 'user', content: 'go' }],
  })
  for await (const event of stream) {
    if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta') pieces.push(event.delta.partial_json)
  }
  expect(pieces.join('')).toBe('{"command": "ls')
})

test('a conversation out of order is refused, as the real one refuses it', async () => {
  const call: MessageParam = { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'x', input: {} }] }
  const result = (id: string): MessageParam => ({
    role: 'user',
    content: [{ type: 'tool_result', tool_use_id: id, content: 'r' }],
  })
  const hello: MessageParam = { role: 'user', content: 'hello' }
  expect((await refused(ask([hello, call, hello]))).message).toContain('without `tool_result` blocks')
  expect((await refused(ask([hello, call, result('t2')]))).message).toContain('without `tool_result` blocks')
  expect((await refused(ask([hello, result('t1')]))).message).toContain('unexpected `tool_use_id`')
  expect((await refused(ask([hello, call]))).message).toContain('prefill')
  expect((await refused(ask([{ role: 'user', content: ' ' }]))).message).toContain('non-whitespace')
})

test('what a request shares with the one before comes from the cache', async () => {
  server.script({ data: [say('a'), say('b')] })
  const system = 'long '.repeat(1_000)
  const usage = async (text: string) =>
    (
      await ask(
        [
          { role: 'user', content: system },
          { role: 'user', content: text },
        ],
        'data',
      )
    ).usage.cache_read_input_tokens
  expect(await usage('one')).toBe(0)
  expect(await usage('two')).toBeGreaterThan(1_000)
})

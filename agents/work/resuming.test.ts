import { expect, test } from 'bun:test'
import type { Entry } from '../../runtime/bus/work.ts'
import { call, say, together } from '../testing/steps.ts'
import { toolOf, workBench, workId } from './testing/bench.ts'

const question: Entry = {
  role: 'user',
  content: [
    { type: 'text', text: `<context work="${workId}" kind="question">\n</context>` },
    { type: 'text', text: 'Hello?' },
  ],
}
const calls = (...ids: string[]): Entry => ({
  role: 'assistant',
  content: [{ type: 'text', text: 'I look.' }, ...ids.map(id => ({ type: 'tool_use', id, name: 'read', input: { x: id } }))],
})

test('an agent killed between a call and its result asks what came of it: what is done is not done again', async () => {
  const made: string[] = []
  await using bench = await workBench({
    tools: [
      toolOf('read', ({ x }) => {
        made.push(x)
        return { content: `read ${x}` }
      }),
    ],
    script: [say('All three.')],
  })
  bench.decide(({ call: id }) => {
    if (id === 'a') return { verdict: 'done', result: { outcome: 'done', content: 'read a, before' } }
    return id === 'b' ? { verdict: 'unknown', at: '2026-03-01T07:59:00Z' } : undefined
  })
  const ending = await bench.run({ transcript: [question, calls('a', 'b', 'c')], begun: true })
  expect(ending).toEqual({ outcome: 'done', text: 'I look.\n\nAll three.' })
  expect(made).toEqual(['c'])
  const results = bench.transcript()[0]?.content
  expect(results?.map(block => block.content)).toEqual([
    'read a, before',
    expect.stringContaining('its outcome is unknown: look first'),
    'read c',
  ])
  expect(results?.map(block => block.is_error)).toEqual([undefined, true, undefined])
})

test('an agent killed between a result and the next question asks the same question that it would have asked', async () => {
  const tools = [toolOf('read', () => ({ content: 'x' }))]
  await using whole = await workBench({ tools, script: [call('read', { x: 'a' }), say('Done.')] })
  await whole.run()
  const [, wanted] = whole.bodies()
  await using bench = await workBench({ tools, script: [say('Done.')] })
  const transcript: Entry[] = JSON.parse(JSON.stringify(whole.transcript().slice(0, 3)))
  expect(await bench.run({ transcript, begun: true })).toEqual({ outcome: 'done', text: 'Done.' })
  expect(bench.bodies()).toEqual([wanted ?? ''])
  expect(bench.transcript()).toHaveLength(1)
})

test('an agent killed after its last word only finishes', async () => {
  await using bench = await workBench({ script: [] })
  const transcript: Entry[] = [question, { role: 'assistant', content: [{ type: 'text', text: 'It is nginx.' }] }]
  expect(await bench.run({ transcript, begun: true })).toEqual({ outcome: 'done', text: 'It is nginx.' })
  expect(bench.model.calls).toEqual([])
})

test('a try after a failed one begins anew, and knows why the other failed', async () => {
  await using bench = await workBench({
    tools: [toolOf('read', () => ({ content: 'x' }))],
    script: [call('read', {}), call('read', {}), call('read', {}), say('Now it works.')],
  })
  expect(await bench.run()).toMatchObject({ outcome: 'failed' })
  expect(await bench.run()).toEqual({ outcome: 'done', text: 'Now it works.' })
  expect(bench.bodies().at(-1)).toContain('This try failed: The model called read 3 times in a row')
})

test('calls that another work left open are closed before this one says anything', async () => {
  await using bench = await workBench({ tools: [toolOf('read', () => ({ content: 'x' }))], script: [say('Hi.')] })
  const other: Entry = { role: 'user', content: [{ type: 'text', text: 'something else' }] }
  expect(await bench.run({ transcript: [other, calls('a', 'b')], begun: false })).toEqual({ outcome: 'done', text: 'Hi.' })
  const [opening] = bench.transcript()
  expect(opening?.content.slice(0, 2)).toMatchObject([
    { type: 'tool_result', tool_use_id: 'a', is_error: true },
    { type: 'tool_result', tool_use_id: 'b', is_error: true },
  ])
  expect(bench.asked).toEqual([])
})

test('a person who sends files has them with the words', async () => {
  await using bench = await workBench({ script: [say('A cat.')] })
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aaaa' } }
  await bench.run({ attachments: [image], text: 'What is it?' })
  expect(bench.transcript()[0]?.content.slice(1)).toEqual([image, { type: 'text', text: 'What is it?' }])
})

test('a task says how one knows that it is done and what others found, as data; its result is the last word', async () => {
  await using bench = await workBench({
    tools: [toolOf('read', () => ({ content: 'x' }))],
    script: [together(say('I look.'), call('read', { x: 'a' })), say('It is in www/bakery.')],
  })
  const task = {
    ...{ id: 'k', name: 'page', description: 'Build a page.', by: 'supervisor', criteria: ['it has a title'], timeout: 300_000 },
    inputs: [{ name: 'research', agent: 'research', result: 'Bread sells.\n</material>' }],
  }
  const ending = await bench.run({ kind: 'task', task, text: 'Build a page.' })
  expect(ending).toEqual({ outcome: 'done', text: 'It is in www/bakery.' })
  const words = bench.model.calls[0]?.messages[0]?.content
  for (const part of ['# Task: page', '- it has a title', '<material f00d from "task research">', '5 minutes']) {
    expect(words).toContain(part)
  }
})

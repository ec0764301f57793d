import { expect, test } from 'bun:test'
import { createLifecycle } from './lifecycle.ts'
import { call, say } from './testing/steps.ts'
import { toolOf, workBench } from './work/testing/bench.ts'

const { signal } = new AbortController()
const told = { work: 'w', call: 'c', tool: 'read', input: { x: 1 } }

test('each handler sees what the one before changed, and the first that blocks ends it', async () => {
  const lifecycle = createLifecycle()
  const seen: unknown[] = []
  lifecycle.on('PreToolUse', () => ({ input: { x: 2 }, context: 'one' }))
  lifecycle.on('PreToolUse', ({ input }) => {
    seen.push(input)
    return { context: 'two' }
  })
  const off = lifecycle.on('PreToolUse', () => ({ block: 'no' }))
  lifecycle.on('PreToolUse', () => void seen.push('never'))
  expect(await lifecycle.reach('PreToolUse', told, signal)).toEqual({ input: { x: 2 }, context: 'one\n\ntwo', block: 'no' })
  expect(seen).toEqual([{ x: 2 }])
  off()
  expect(await lifecycle.reach('PreToolUse', told, signal)).toEqual({ input: { x: 2 }, context: 'one\n\ntwo' })
})

test('a handler that throws blocks', async () => {
  const lifecycle = createLifecycle()
  lifecycle.on('PreToolUse', () => {
    throw new Error('broken hook')
  })
  expect(await lifecycle.reach('PreToolUse', told, signal)).toEqual({ block: 'a hook failed: broken hook' })
})

test('the points of one work, in their order, with what each is told', async () => {
  await using bench = await workBench({
    tools: [toolOf('read', ({ x }) => ({ content: `text of ${x}` }))],
    script: [call('read', { x: 'a' }), say('First.'), say('Second.')],
  })
  const points: string[] = []
  const { lifecycle } = bench
  lifecycle.on('SessionStart', ({ source }) => {
    points.push(`SessionStart ${source}`)
    return { context: 'The house is blue.' }
  })
  lifecycle.on('UserPromptSubmit', ({ prompt }) => {
    points.push(`UserPromptSubmit ${prompt}`)
    return { context: 'It rains.' }
  })
  lifecycle.on('PreToolUse', ({ tool }) => {
    points.push(`PreToolUse ${tool}`)
    return { input: { x: 'b' } }
  })
  lifecycle.on('PostToolUse', ({ result }) => {
    points.push(`PostToolUse ${String(result.content)}`)
    return { context: 'Mind the step.' }
  })
  let stops = 0
  lifecycle.on('Stop', ({ text }) => {
    points.push(`Stop ${text}`)
    return stops++ === 0 ? { block: 'say it again' } : {}
  })
  expect(await bench.run()).toEqual({ outcome: 'done', text: 'First.\n\nSecond.' })
  expect(points).toEqual([
    'SessionStart startup',
    'UserPromptSubmit Hello?',
    'PreToolUse read',
    'PostToolUse text of b',
    'Stop First.',
    'Stop Second.',
  ])
  const [first, second, third] = bench.bodies()
  expect(first).toContain('The house is blue.\\nIt rains.')
  expect(second).toContain('text of b\\n\\nMind the step.')
  expect(third).toContain('You are not done yet: say it again')
})

test('a hook may keep a work from beginning, and a call from being made', async () => {
  await using refused = await workBench({ script: [] })
  refused.lifecycle.on('UserPromptSubmit', () => ({ block: 'not on Sundays' }))
  expect(await refused.run()).toEqual({ outcome: 'failed', text: 'Not on Sundays' })
  expect(refused.model.calls).toEqual([])
  await using bench = await workBench({
    tools: [toolOf('read', () => ({ content: 'x' }))],
    script: [call('read', { x: 'a' }), say('Done.')],
  })
  bench.lifecycle.on('PreToolUse', () => ({ block: 'not this file' }))
  await bench.run()
  expect(bench.asked).toEqual([])
  expect(bench.bodies()[1]).toContain('This call was blocked: not this file')
})

test('a changed input is checked again', async () => {
  await using bench = await workBench({
    tools: [toolOf('read', () => ({ content: 'x' }))],
    script: [call('read', { x: 'a' }), say('Done.')],
  })
  bench.lifecycle.on('PreToolUse', () => ({ input: { x: 7 } }))
  await bench.run()
  expect(bench.asked).toEqual([])
  expect(bench.bodies()[1]).toContain('The input does not fit read')
})

import { expect, test } from 'bun:test'
import { call, say, together } from '../testing/steps.ts'
import { toolOf, workBench } from './testing/bench.ts'

test('each request, but for its end, is the beginning of the next to the byte: also over works and processes', async () => {
  const tools = ['b', 'a', 'c'].map(name => toolOf(name, ({ x }) => ({ content: `${x} ü "\\" \u2028`, tainted: 'x' })))
  await using bench = await workBench({
    tools,
    script: [
      together(say('Zwei.'), call('a', { x: '1' }), call('b', { x: '2' })),
      call('c', { x: '3' }),
      say('Fertig.'),
      call('a', { x: '4' }),
      say('Noch einmal.'),
    ],
  })
  await bench.run()
  const transcript = JSON.parse(JSON.stringify(bench.transcript()))
  await bench.run({ id: '22222222-2222-4222-8222-222222222222', transcript, begun: false, text: 'And now?' })
  const bodies = bench.bodies()
  expect(bodies).toHaveLength(5)
  for (const [place, body] of bodies.slice(1).entries()) {
    const before = bodies[place] ?? ''
    expect(before).toEndWith(']}')
    expect(body.startsWith(before.slice(0, -2))).toBe(true)
  }
  expect(bench.model.calls[0]?.tools).toEqual(['a', 'b', 'c'])
  expect(JSON.parse(bodies[0] ?? '').cache_control).toEqual({ type: 'ephemeral' })
})

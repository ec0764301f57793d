import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { harness } from '../testing/harness.ts'
import { call, overloaded, say, together } from '../testing/steps.ts'

setDefaultTimeout(180_000)

const wordCount = readFileSync(join(import.meta.dir, '../../docs/examples/word-count.ts'), 'utf8')
const health = z.object({ agent: z.string(), status: z.string(), waitingFor: z.string(), samples: z.number() })

test("an agent waits while Claude is away and says so, goes on by itself, and uses its user's own tool", async () => {
  let asked = 0
  const steps = [
    together(call('write', { path: 'menu.txt', content: 'bread, bread and butter' })),
    together(call('word_count', { path: 'menu.txt', longest: 1 })),
    say('Four words, mostly bread.'),
  ]
  await using team = await harness({
    agents: { code: { level: 1 } },
    documents: { 'agents/code/tools/word-count.ts': wordCount },
    script: { code: () => (asked++ < 6 ? overloaded(1) : (steps.shift() ?? say('Nothing is left.'))) },
  })
  await team.say('Count the words of the menu.', 'code')
  const seen = new Set<string>()
  for (const deadline = Date.now() + 60_000; !seen.has('again') && Date.now() < deadline; await Bun.sleep(200)) {
    const { waitingFor, status } = health.parse(await team.ask('/api/agents/code'))
    if (waitingFor !== '') seen.add(waitingFor.replaceAll(/\d+/g, 'n'))
    if (waitingFor === '' && asked > 6) seen.add('again')
    expect(status).toBe('healthy')
  }
  await team.untilDone()
  expect([...seen].some(reason => reason.includes('Claude is overloaded'))).toBe(true)
  expect(team.toolsCalled('code')).toEqual(['write', 'word_count'])
  const [, counted] = team.toolResults('code')
  expect(counted).toMatchObject({ failed: false, content: expect.stringContaining('"word": "bread"') })
  expect((await team.messages('code')).at(-1)).toMatchObject({ state: 'done', text: 'Four words, mostly bread.' })
  expect(health.parse(await team.ask('/api/agents/code'))).toMatchObject({ status: 'healthy', samples: 1, waitingFor: '' })
})

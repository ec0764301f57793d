import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { harness, type Team } from '../agents/testing/harness.ts'
import { call, overloaded, say, together } from '../agents/testing/steps.ts'

setDefaultTimeout(180_000)

const wordCount = readFileSync(join(import.meta.dir, '../docs/examples/word-count.ts'), 'utf8')
const health = z.object({ agent: z.string(), status: z.string(), waitingFor: z.string(), samples: z.number() })

let team: Team
beforeAll(async () => {
  team = await harness({
    script: {},
    agents: { code: { level: 1 } },
    documents: { 'agents/code/tools/word-count.ts': wordCount },
  })
})
afterAll(() => team?.[Symbol.asyncDispose]())

test("an agent waits while Claude is away and says so, goes on by itself, and uses its user's own tool", async () => {
  let asked = 0
  const steps = [
    together(call('write', { path: 'menu.txt', content: 'bread, bread and butter' })),
    together(call('word_count', { path: 'menu.txt', longest: 1 })),
    say('Four words, mostly bread.'),
  ]
  team.model.script({ code: () => (asked++ < 6 ? overloaded(1) : (steps.shift() ?? say('Nothing is left.'))) })
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

const commandLine = async (...words: readonly string[]) => {
  const child = Bun.spawn([process.execPath, '--no-env-file', join(import.meta.dir, '..', 'main.ts'), ...words], {
    env: { PATH: process.env.PATH ?? '', HOME: team.home, AI_INFRA_HOME: team.home },
    ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  })
  const [out, error, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, error, code }
}

test('on the command line an agent is spoken to, and the answer comes without what would move the cursor', async () => {
  team.model.script({ code: [say('Good ', 'morning.\n\n  Two \u001b[31mlines', '\u202e.')] })
  expect(await commandLine('say', 'Good', 'morning!', '--agent', 'code')).toEqual({
    ...{ out: 'Good morning.\n\n  Two [31mlines.\n', error: '', code: 0 },
  })
  expect(await commandLine('say', 'hello', '--agent', 'nobody')).toMatchObject({
    code: 1,
    error: expect.stringContaining('nobody'),
  })
})

test('on the command line tasks are listed, cancelled and begun anew', async () => {
  team.model.script({ code: [say('Built.')] })
  expect(await commandLine('tasks')).toMatchObject({ code: 0, out: 'The agents have nothing to do.\n' })
  await team.ask('/api/tasks', { tasks: [{ name: 'build', agent: 'code', description: 'Build it.' }] })
  await team.untilDone()
  const listed = await commandLine('tasks', '--json', '--agent', 'code')
  const [{ id }] = z.tuple([z.object({ id: z.string(), state: z.literal('completed') })]).parse(JSON.parse(listed.out))
  expect((await commandLine('tasks')).out).toContain('completed')
  expect(await commandLine('tasks', 'cancel', id)).toMatchObject({ code: 1, error: expect.stringContaining('completed already') })
  expect(await commandLine('tasks', 'stop', id)).toMatchObject({ code: 2 })
})

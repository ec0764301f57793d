import { expect, test } from 'bun:test'
import type { Work } from '../../runtime/bus/work.ts'
import type { VerbAnswer } from '../../runtime/policy/verb.ts'
import { call, say, together } from '../testing/steps.ts'
import type { Tool } from '../tools/tool.ts'
import { toolOf, workBench } from './testing/bench.ts'
import { createVerbs } from './verbs.ts'

test('a tool that always asks a person says so, whatever it needs', async () => {
  const plain: Tool<{ x: string }> = { ...toolOf('pay', () => ({ content: 'paid' })), needs: () => [], requiresApproval: true }
  await using bench = await workBench({ tools: [plain], script: [call('pay', { x: 'a' }), say('Done.')] })
  await bench.run()
  expect(bench.asked).toMatchObject([{ tool: 'pay', needs: [], requiresApproval: true, call: 'toolu_1', attempt: 1 }])
})

test('what only thinks is not asked for', async () => {
  const plain: Tool<{ x: string }> = { ...toolOf('think', () => ({ content: 'hm' })), needs: () => [] }
  await using bench = await workBench({ tools: [plain], script: [call('think', { x: 'a' }), say('Done.')] })
  await bench.run()
  expect(bench.asked).toEqual([])
})

test('a tool that cannot be used here says why, and nothing is asked for', async () => {
  const absent: Tool<{ x: string }> = {
    ...toolOf('docker', () => ({ content: '' })),
    unavailable: async () => 'there is no docker',
  }
  await using bench = await workBench({ tools: [absent], script: [call('docker', { x: 'a' }), say('Then not.')] })
  await bench.run()
  expect(bench.asked).toEqual([])
  expect(bench.bodies()[1]).toContain('docker cannot be used here: there is no docker')
})

test('two steps of one turn wait side by side, and both reasons are told', async () => {
  await using bench = await workBench({
    tools: [toolOf('read', ({ x }) => ({ content: x }))],
    script: [together(call('read', { x: 'a' }), call('read', { x: 'b' })), say('Done.')],
  })
  let approved = false
  bench.decide(() => (approved ? undefined : { verdict: 'ask', approval: 'p', reason: '' }))
  const ending = bench.run()
  const reasons = () => bench.events.flatMap(event => (event.type === 'waiting' ? [event.reason] : []))
  const both = 'waits for a person to approve “read a”; waits for a person to approve “read b”'
  while (!reasons().includes(both)) await Bun.sleep(1)
  approved = true
  bench.approve()
  expect(await ending).toMatchObject({ outcome: 'done' })
  expect(reasons().at(-1)).toBe('')
})

/** The verbs of one call, on a server that answers these one after the other. */
function verbsOn(...answers: VerbAnswer[]) {
  const asked: string[] = []
  const told: string[] = []
  const door = {
    decide: async () => ({ verdict: 'deny', reason: '' }) as const,
    confirm: async () => {},
    decided: async (approval: string) => void told.push(`decided ${approval}`),
    async verb(verb: string, { call: id }: { readonly call: string }) {
      asked.push(`${verb} ${id}`)
      return answers.shift() ?? { verdict: 'failed' as const, reason: 'nothing is left' }
    },
  }
  const waits = { set: (_key: string, reason: string) => void told.push(reason), clear: () => void told.push('') }
  const context = { ...contextStub, signal: new AbortController().signal }
  return { verbs: createVerbs({ door, waits, work: workStub, context }, { id: 'c', tool: 't', input: {} }), asked, told }
}

const workStub: Work = {
  ...{ id: 'w', attempt: 1 },
  ...{ kind: 'question', thread: 't', by: 'ada', text: '', attachments: [], task: undefined, transcript: [] },
  ...{ begun: false, tainted: false },
}
const contextStub = {
  ...{ agent: 'code', work: 'w', task: undefined, thread: 't', workspace: '/w', folder: '/w/f' },
  run: async () => ({ code: 0, stdout: '', stderr: '', notes: [], reached: [], milliseconds: 0 }),
}

test('a verb that a person has to approve waits, asks again with the same call, and gives what came of it', async () => {
  const { verbs, asked, told } = verbsOn(
    { verdict: 'ask', approval: 'p', reason: 'level 2' },
    { verdict: 'done', result: { domain: 'x' } },
    { verdict: 'done', result: 2 },
  )
  expect(await verbs.ask('domain.set', {})).toEqual({ domain: 'x' })
  expect(told).toEqual(['waits for a person to approve “domain.set” (level 2)', 'decided p', ''])
  expect(await verbs.ask('deploy.publish', {})).toBe(2)
  expect(asked).toEqual(['domain.set c.1', 'domain.set c.1', 'deploy.publish c.2'])
})

test('a verb that was refused, failed or interrupted says so in words', async () => {
  const refused = verbsOn({ verdict: 'deny', reason: 'level 1' })
  await expect(refused.verbs.ask('domain.set', {})).rejects.toThrow('not allowed: level 1')
  expect(refused.verbs.denied()).toBe(true)
  await expect(verbsOn({ verdict: 'failed', reason: 'no such domain' }).verbs.ask('x', {})).rejects.toThrow('no such domain')
  await expect(verbsOn({ verdict: 'unknown', at: 'then' }).verbs.ask('x', {})).rejects.toThrow('look first')
})

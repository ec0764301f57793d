import { expect, test } from 'bun:test'
import type { Agents } from '../../../runtime/bus/agents.ts'
import { fakeAgents, firstOf } from '../testing/fake-agents.ts'
import { partsOf } from './conversations.ts'
import { watchThread } from './watch.ts'

const thread = firstOf('supervisor')
const at = '2026-11-22T12:00:00Z'
const question = { id: 'q', agent: 'supervisor', role: 'person', by: 'Ada', text: 'hello', state: 'done', at } as const
const answer = {
  id: 'a',
  agent: 'supervisor',
  role: 'agent',
  by: 'supervisor',
  text: '',
  state: 'answering',
  at,
  answers: 'q',
} as const

test('no piece is lost or doubled, whenever the page is read while an answer comes', async () => {
  for (let turn = 0; turn < 40; turn++) {
    const agents = fakeAgents()
    const slow: Agents = {
      ...agents,
      async conversation(...asked) {
        for (let wait = 0; wait < turn % 7; wait++) await Promise.resolve()
        const found = await agents.conversation(...asked)
        for (let wait = 0; wait < turn % 5; wait++) await Promise.resolve()
        return found
      },
    }
    agents.utter(question)
    agents.utter(answer)
    const watch = watchThread(slow, { agent: 'supervisor', id: thread }, 60, () => {})
    let expected = ''
    const speak = (async () => {
      for (let piece = 0; piece < 60; piece++) {
        expected += `${piece} `
        agents.delta('supervisor', 'a', `${piece} `)
        for (let wait = 0; wait < (piece * turn) % 4; wait++) await Promise.resolve()
      }
    })()
    const readings: number[] = []
    for (let reading = 0; reading < 10; reading++) {
      const { utterances } = await watch.read()
      const text = utterances.find(({ id }) => id === 'a')?.text ?? 'gone'
      expect(expected.startsWith(text)).toBe(true)
      readings.push(text.length)
    }
    await speak
    expect(readings.toSorted((a, b) => a - b)).toEqual(readings)
    expect((await watch.read()).utterances.find(({ id }) => id === 'a')?.text).toBe(expected)
    watch.stop()
  }
})

test('an answer that begins anew shows its new text only', async () => {
  const agents = fakeAgents()
  agents.utter(question)
  agents.utter(answer)
  const watch = watchThread(agents, { agent: 'supervisor', id: thread }, 60, () => {})
  await watch.read()
  agents.delta('supervisor', 'a', 'Half of a sen')
  agents.utter({ ...answer, text: 'Kept. ' })
  agents.delta('supervisor', 'a', 'New.')
  expect((await watch.read()).utterances.at(-1)?.text).toBe('Kept. New.')
})

test('what is said in another conversation changes nothing here', async () => {
  const agents = fakeAgents()
  agents.utter(question)
  let changes = 0
  const watch = watchThread(agents, { agent: 'supervisor', id: thread }, 60, () => changes++)
  await watch.read()
  const other = await agents.openThread('supervisor', 'another', 'Ada')
  agents.utter({ ...answer, id: 'b', thread: other.id })
  agents.delta('supervisor', 'b', 'x')
  expect([changes, (await watch.read()).utterances.length]).toEqual([0, 1])
})

test('steps stand between the words where they were taken', async () => {
  const agents = fakeAgents()
  agents.utter(question)
  agents.utter({ ...answer, text: 'First.Then.' })
  agents.step('supervisor', { work: 'q', call: '1', tool: 'run', afterText: 6 })
  agents.step('supervisor', { work: 'q', call: '2', tool: 'edit', afterText: 6 })
  agents.step('supervisor', { work: 'elsewhere', call: '3', afterText: 2 })
  const steps = await agents.steps(thread)
  const parts = partsOf({ ...answer, thread, text: 'First.Then.' }, steps)
  expect(parts.map(part => (part.type === 'text' ? part.text : part.step.tool))).toEqual(['First.', 'run', 'edit', 'Then.'])
})

test('a step that is later than the text so far comes last', () => {
  const step = { work: 'q', call: '1', tool: 'run', title: '', state: 'running', summary: '', output: '' } as const
  const parts = partsOf({ ...answer, thread, text: 'Short' }, [
    { ...step, afterText: 900, startedAt: at, milliseconds: undefined },
  ])
  expect(parts.map(({ type }) => type)).toEqual(['text', 'step'])
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { AgentsRoom } from './agents-room.ts'
import { startTestBus, type TestBus } from './testing/bus.ts'

setDefaultTimeout(120_000)

let bus: TestBus
let room: AgentsRoom

beforeAll(async () => {
  bus = await startTestBus()
  room = await bus.room('supervisor', 'code')
}, 60_000)
afterAll(() => bus[Symbol.asyncDispose]())

/** Says something in a new conversation, and has it answered. */
async function talked(title: string, text: string, answer: string): Promise<string> {
  const { id } = await room.openThread('supervisor', title, 'ada')
  const question = await room.say('supervisor', text, 'ada', { thread: id })
  const start = await room.work.start('supervisor', question.id)
  if (start.outcome !== 'go') throw new Error(start.outcome)
  await room.work.finish('supervisor', question.id, { attempt: start.work.attempt, outcome: 'done', text: answer })
  return id
}

test('words are found in titles, questions and answers, with what stands around them; signs of patterns are words', async () => {
  const bakery = await talked('Bakery', 'open 100% of the day?', `${'x '.repeat(90)}Rye is missing_here.${' y'.repeat(200)}`)
  const other = await talked('Other', 'what else?', 'nothing')
  const found = async (words: string) => (await room.searchThreads('supervisor', words)).map(({ thread }) => thread.id)
  expect(await found('bakERY')).toEqual([bakery])
  expect(await found('100% of')).toEqual([bakery])
  expect(await found('0%f')).toEqual([])
  expect(await found('missing_h')).toEqual([bakery])
  expect(await found('missingXh')).toEqual([])
  expect(await found('NOTHING')).toEqual([other])
  expect(await found(' ')).toEqual([])
  expect(await room.searchThreads('code', 'bakery')).toEqual([])
  const [{ excerpt = '' } = {}] = await room.searchThreads('supervisor', 'rye is')
  expect(excerpt).toMatch(/^….*Rye is missing_here\..*…$/)
  expect(excerpt.length).toBeLessThan(210)
})

test('a conversation that is deleted leaves nothing that was said; one that waits for an answer stays', async () => {
  const id = await talked('Secret', 'the secret question', 'the secret answer')
  const asked = await room.say('supervisor', 'one more', 'ada', { thread: id })
  expect(await room.forgetThread(id)).toBe('busy')
  await room.stopAnswer(asked.id, 'ada')
  expect(await room.forgetThread(id)).toBe('forgotten')
  expect(await room.thread(id)).toBeUndefined()
  expect(await room.conversation('supervisor', 10, id)).toEqual([])
  expect(await room.searchThreads('supervisor', 'secret')).toEqual([])
  await expect(room.say('supervisor', 'more', 'ada', { thread: id })).rejects.toThrow('no conversation')
  expect(await room.forgetThread(id)).toBe('unknown')
  expect(await room.forgetThread('nonsense')).toBe('unknown')
})

test('the first conversation with an agent begins anew when it was deleted', async () => {
  const { thread } = await room.say('code', 'hello', 'ada')
  const [question] = await room.conversation('code', 1)
  await room.stopAnswer(question?.id ?? '', 'ada')
  expect(await room.forgetThread(thread)).toBe('forgotten')
  expect((await room.say('code', 'again', 'ada')).thread).not.toBe(thread)
})

import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { systemClock } from '../os/clock.ts'
import { silentLog } from '../os/log.ts'
import { startTestStore, type TestStore } from '../store/testing/postgres.ts'
import type { Claim, Spent } from '../tasks/task.ts'
import type { AgentEvent } from './agents.ts'
import { addQuestion, lastOf } from './conversations.ts'
import { createDeadLetters } from './dead-letters.ts'
import { createLiveAnswers, keepInterval } from './live-answers.ts'
import { addMessage } from './messages.ts'
import { createThreads } from './threads.ts'
import { readTranscript } from './transcripts.ts'
import type { Entry, WorkEvent, WorkStart } from './work.ts'
import { stepsOf } from './work-steps.ts'
import { createWorks } from './works.ts'
import type { TaskLeases } from './works-deps.ts'

let database: TestStore
let thread: string

beforeAll(async () => {
  database = await startTestStore()
}, 60_000)
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  thread = (await createThreads(database.store).open('code', 'bakery', 'ada', new Date())).id
})

/** A runtime on the same Postgres; a second one is the first one after a kill. */
function runtime(tasks: TaskLeases = noTasks, obstacle?: string) {
  const { store } = database
  const events: AgentEvent[] = []
  const emit = (event: AgentEvent) => void events.push(event)
  const live = createLiveAnswers(store, silentLog, emit)
  const threads = createThreads(store)
  const settled: string[] = []
  const works = createWorks({
    ...{ store, clock: systemClock, threads, live, tasks: () => tasks, emit, priceOf: usage => usage.outputTokens * 10 },
    obstacle: async () => obstacle,
    deadLetters: createDeadLetters({ store, clock: systemClock, log: silentLog, stream: async () => {} }),
    postponed: async (_agent, id) => void settled.push(`later ${id}`),
    settled: async (_agent, id) => void settled.push(id),
  })
  const shown = async () => (await lastOf(store, thread, 20)).map(({ role, text, state }) => `${role} ${state}: ${text}`)
  return { works, live, events, settled, shown, store }
}

const noTasks: TaskLeases = {
  get: async () => undefined,
  claim: async () => ({ outcome: 'settled' }),
  progress: async () => false,
  waits: async () => {},
  complete: async () => false,
  fail: async () => false,
}

async function asked(text: string, source = 'person:ada'): Promise<string> {
  const id = randomUUID()
  const at = new Date()
  const head = { id, timestamp: at.toISOString(), source, target: 'code' } as const
  await addMessage(database.store, { ...head, type: 'query', priority: 5, payload: {}, pai: {} }, { thread })
  await addQuestion(database.store, { id, agent: 'code', thread, role: 'person', by: 'ada', text, attachments: [] }, at)
  return id
}

const workOf = (start: WorkStart) => {
  if (start.outcome !== 'go') throw new Error(`not to be worked on: ${start.outcome}`)
  return start.work
}
const said = (role: Entry['role'], text: string): WorkEvent => ({
  ...{ type: 'entry', entry: { role, content: [{ type: 'text', text }] } },
})
const piece = (text: string): WorkEvent => ({ type: 'text', text })

test('pieces of an answer go to listeners at once, and another runtime serves them 100 ms later', async () => {
  const { works, events, shown } = runtime()
  const id = await asked('what is on port 80?')
  const { attempt } = workOf(await works.start('code', id))
  events.length = 0
  const report = works.events('code', id, { attempt, from: 0, events: [piece('It is '), piece('nginx')] })
  expect(await report).toEqual({ outcome: 'recorded' })
  expect(events.flatMap(event => (event.type === 'delta' ? [event.text] : []))).toEqual(['It is ', 'nginx'])
  await Bun.sleep(keepInterval)
  const deadline = Date.now() + 60_000
  while (!(await shown()).includes('agent answering: It is nginx'))
    if (Date.now() > deadline) throw new Error(String(await shown()))
  const next = runtime()
  expect(await next.works.events('code', id, { attempt, from: 2, events: [piece('.')] })).toEqual({ outcome: 'recorded' })
  await next.works.finish('code', id, { attempt, outcome: 'done', text: 'It is nginx.' })
  expect(await shown()).toEqual(['person done: what is on port 80?', 'agent done: It is nginx.'])
})

test('whole entries are there for whoever goes on, word for word and in the order of their fields', async () => {
  const { works, shown } = runtime()
  const id = await asked('build it')
  const { attempt, begun, transcript } = workOf(await works.start('code', id))
  expect({ begun, transcript }).toEqual({ begun: false, transcript: [] })
  const call = { type: 'tool_use', id: 'c1', name: 'run', input: { z: 1, a: 'nul \u0000 half \ud800' } }
  const entries: WorkEvent[] = [
    said('user', 'build it'),
    { type: 'entry', entry: { role: 'assistant', content: [{ type: 'text', text: 'I build.' }, call] } },
  ]
  await works.events('code', id, { attempt, from: 0, events: [...entries, piece('half a wo')] })

  const successor = runtime()
  const again = workOf(await successor.works.start('code', id))
  expect(again.begun).toBe(true)
  expect(JSON.stringify(again.transcript)).toBe(JSON.stringify(entries.map(event => event.type === 'entry' && event.entry)))
  expect(again.attempt).toBe(attempt + 1)
  expect((await shown()).at(-1)).toBe('agent answering: I build.')
  expect(await successor.works.events('code', id, { attempt, from: 3, events: [piece('late')] })).toMatchObject({
    outcome: 'settled',
  })
})

test('a report that is sent again counts once, also by another runtime', async () => {
  const { works, store, events } = runtime()
  const id = await asked('once')
  const { attempt } = workOf(await works.start('code', id))
  const usage = { model: 'm', inputTokens: 1, outputTokens: 2, cacheReadTokens: 0, cacheWriteTokens: 0 }
  const report = { attempt, from: 0, events: [piece('Yes'), said('user', 'once'), { type: 'usage', usage } as const] }
  await works.events('code', id, report)
  await works.events('code', id, report)
  expect(events.filter(event => event.type === 'delta')).toHaveLength(1)
  await runtime().works.events('code', id, report)
  expect(await readTranscript(store, thread)).toHaveLength(1)
  expect(await store`SELECT 1 FROM model_usage WHERE work = ${id}`).toHaveLength(1)
})

test('a stream that broke takes back what had come since the last entry', async () => {
  const { works, live, shown, events } = runtime()
  const id = await asked('twice')
  const { attempt } = workOf(await works.start('code', id))
  await works.events('code', id, { attempt, from: 0, events: [said('assistant', 'First.'), piece('Sec'), { type: 'retracted' }] })
  await works.events('code', id, { attempt, from: 3, events: [piece('Second.')] })
  await live.keepAll()
  expect((await shown()).at(-1)).toBe('agent answering: First.\n\nSecond.')
  expect(events.at(-2)).toMatchObject({ type: 'delta', text: '\n\nSecond.' })
})

test('compaction begins the transcript anew and keeps what was before', async () => {
  const { works, store } = runtime()
  const id = await asked('long')
  const { attempt } = workOf(await works.start('code', id))
  const summary: Entry[] = [
    { role: 'user', content: [{ type: 'text', text: 'so far: much' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'I know.' }] },
  ]
  const events: WorkEvent[] = [said('user', 'long'), said('assistant', 'much'), { type: 'compacted', entries: summary }]
  await works.events('code', id, { attempt, from: 0, events: [...events, said('user', 'on')] })
  expect((await readTranscript(store, thread)).map(({ content }) => content[0]?.text)).toEqual(['so far: much', 'I know.', 'on'])
  expect(await store`SELECT 1 FROM transcript WHERE thread = ${thread}`).toHaveLength(5)
})

test('steps stand between the words of the answer, with the end of their output, after a reload too', async () => {
  const { works, live, store } = runtime()
  const id = await asked('test it')
  const { attempt } = workOf(await works.start('code', id))
  await works.events('code', id, {
    ...{ attempt, from: 0 },
    events: [
      piece('I run it.'),
      { type: 'tool-started', call: 'c1', tool: 'run', title: 'npm test' },
      { type: 'tool-output', call: 'c1', text: 'a'.repeat(30_000) },
      { type: 'tool-output', call: 'c1', text: 'end\0' },
      { type: 'tool-ended', call: 'c1', outcome: 'failed', summary: '2 failed', milliseconds: 31 },
      { type: 'tool-started', call: 'c2', tool: 'run', title: 'npm install' },
    ],
  })
  await live.keepAll()
  const step = { work: id, call: 'c1', title: 'npm test', state: 'failed', summary: '2 failed', afterText: 9, milliseconds: 31 }
  expect(await stepsOf(store, thread)).toMatchObject([step, { call: 'c2', state: 'running' }])
  expect((await stepsOf(store, thread))[0]?.output).toBe(`${'a'.repeat(19_997)}end`)
  await works.finish('code', id, { attempt, outcome: 'failed', text: 'It broke' })
  expect((await stepsOf(store, thread))[1]?.state).toBe('failed')
})

test('an answer that a person stops is over for its agent, and what was said of it stays', async () => {
  const { works, live, shown, settled } = runtime()
  const id = await asked('endless')
  const { attempt } = workOf(await works.start('code', id))
  await works.events('code', id, { attempt, from: 0, events: [piece('On and on')] })
  expect(await works.stop(id, 'ada')).toBeDefined()
  expect(await works.stop(id, 'ada')).toBeUndefined()
  const standing = { outcome: 'settled', reason: 'stopped by ada' } as const
  expect(await works.events('code', id, { attempt, from: 1, events: [piece(' and on')] })).toEqual(standing)
  expect(await works.finish('code', id, { attempt, outcome: 'done', text: 'x' })).toEqual(standing)
  await live.keepAll()
  expect(await shown()).toEqual(['person failed: endless', 'agent failed: On and on\n\n[stopped by ada]'])
  expect(settled).toContain(id)
  expect(await works.start('code', id)).toEqual({ outcome: 'settled' })
})

test('text of strangers taints its thread for good, and where it came from is known', async () => {
  const { works, store } = runtime()
  const id = await asked('read that page')
  const { attempt, tainted } = workOf(await works.start('code', id))
  expect(tainted).toBe(false)
  const event: WorkEvent = { type: 'tainted', source: 'https://example.com/' }
  await works.events('code', id, { attempt, from: 0, events: [event, event] })
  expect(await createThreads(store).get(thread)).toMatchObject({ tainted: true, sources: ['https://example.com/'] })
  expect(workOf(await works.start('code', id)).tainted).toBe(true)
})

test('nobody works on what is another agent’s, settled, or unknown', async () => {
  const { works } = runtime()
  const id = await asked('mine')
  expect(await works.start('data', id)).toEqual({ outcome: 'settled' })
  expect(await works.start('code', randomUUID())).toEqual({ outcome: 'settled' })
  const { attempt } = workOf(await works.start('code', id))
  expect(await works.events('data', id, { attempt, from: 0, events: [piece('x')] })).toMatchObject({ outcome: 'settled' })
  expect(await works.finish('code', id, { attempt: attempt - 1, outcome: 'done', text: 'x' })).toMatchObject({
    outcome: 'settled',
  })
})

test('a task is claimed, prolonged, paid and completed through its work, in a thread of its own', async () => {
  const told: unknown[] = []
  const task = taskNamed('landing page')
  const { works, store } = runtime({
    ...noTasks,
    claim: async (id, agent) => {
      told.push(['claim', id, agent])
      return { outcome: 'claimed', claim: { task, token: 7, leaseUntil: '', inputs: [] } }
    },
    progress: async (_id, token, spent?: Partial<Spent>) => {
      told.push(['progress', token, spent?.tokens, spent?.microdollars])
      return true
    },
    waits: async (_id, _token, reason) => void told.push(['waits', reason]),
    complete: async (_id, token, result) => {
      told.push(['complete', token, result])
      return true
    },
  })
  const id = await dispatched(task.id)
  const work = workOf(await works.start('code', id))
  expect(work).toMatchObject({ kind: 'task', attempt: 7, text: 'Write it', by: 'supervisor', task: { name: 'landing page' } })
  const usage = { model: 'm', inputTokens: 10, outputTokens: 5, cacheReadTokens: 100, cacheWriteTokens: 1 }
  const events: WorkEvent[] = [piece('Working'), { type: 'usage', usage }, { type: 'waiting', reason: 'an approval' }]
  await works.events('code', id, { attempt: 7, from: 0, events })
  await works.finish('code', id, { attempt: 7, outcome: 'done', text: 'Written' })
  const claimed = ['claim', task.id, 'code']
  expect(told).toEqual([claimed, ['waits', 'an approval'], ['progress', 7, 116, 50], ['complete', 7, 'Written']])
  expect(work.thread).not.toBe(thread)
  expect((await lastOf(store, work.thread, 9)).map(({ state, text }) => `${state} ${text}`)).toEqual([
    'done Write it',
    'done Working\n\nWritten',
  ])
  expect(await works.start('code', id)).toEqual({ outcome: 'settled' })
})

test('a task that is somebody else’s meanwhile stops its agent, and a late result does not count', async () => {
  const task = taskNamed('late')
  const claimed = { outcome: 'claimed', claim: { task, token: 1, leaseUntil: '', inputs: [] } } as const
  const { works } = runtime({
    ...noTasks,
    claim: async () => claimed,
    get: async () => ({ ...task, reason: 'cancelled by ada' }),
  })
  const id = await dispatched(task.id)
  await works.start('code', id)
  const settled = { outcome: 'settled', reason: 'cancelled by ada' } as const
  expect(await works.events('code', id, { attempt: 1, from: 0, events: [piece('x')] })).toEqual(settled)
  expect(await works.finish('code', id, { attempt: 1, outcome: 'done', text: 'x' })).toEqual(settled)
})

async function dispatched(task: string): Promise<string> {
  const id = randomUUID()
  const head = { id, timestamp: new Date().toISOString(), source: 'supervisor', target: 'code', type: 'task' } as const
  expect(await addMessage(database.store, { ...head, priority: 5, payload: {}, pai: {} }, { task })).toBe(true)
  expect(await addMessage(database.store, { ...head, id: randomUUID(), priority: 5, payload: {}, pai: {} }, { task })).toBe(false)
  return id
}

const taskNamed = (name: string): Claim['task'] => ({
  ...{ id: randomUUID(), graph: '', name, description: 'Write it', agent: 'code', by: 'supervisor', thread: undefined },
  ...{ priority: 5, state: 'assigned', reason: '', dependsOn: [], criteria: [], result: undefined, error: undefined, tries: 1 },
  ...{ maxRetries: 3, timeoutSeconds: 300, createdAt: '', startedAt: undefined, endedAt: undefined },
  spent: { tokens: 0, microdollars: 0, milliseconds: 0 },
})

test('a person is told when an agent has spent its day, and the model is not asked', async () => {
  const { works, settled, shown } = runtime(noTasks, 'code has spent its budget for today')
  const id = await asked('and another thing')
  expect(await works.start('code', id)).toEqual({ outcome: 'settled' })
  expect(settled).toEqual([id])
  expect(await shown()).toEqual(['person failed: and another thing', 'agent failed: code has spent its budget for today'])
  expect(await works.start('code', id)).toEqual({ outcome: 'settled' })
})

test('another agent whose budget is spent answers later, and the question stays', async () => {
  const { works, settled, shown } = runtime(noTasks, 'code has spent its budget for today')
  const id = await asked('dear question', 'qa')
  expect(await works.start('code', id)).toEqual({ outcome: 'later', reason: 'code has spent its budget for today' })
  expect(settled).toEqual([`later ${id}`])
  expect(await shown()).toEqual(['person queued: dear question'])
  expect((await runtime().works.start('code', id)).outcome).toBe('go')
})

test('a question that ends its agent five times is laid aside with its reason', async () => {
  const { works, shown, store } = runtime()
  const id = await asked('poison')
  for (let time = 0; time < 5; time++) expect((await works.start('code', id)).outcome).toBe('go')
  expect(await works.start('code', id)).toEqual({ outcome: 'settled' })
  const letters = await store`SELECT reason FROM dead_letter WHERE message = ${id}`
  expect(letters).toMatchObject([{ reason: 'its agent began with it 5 times and never came to an end' }])
  expect(await shown()).toContain('person failed: poison')
})

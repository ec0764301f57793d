import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { Redis } from 'ioredis'
import { agent, createRig, type Rig, type Runtime, stateOf, until } from '../reconcilers/agents/testing/rig.ts'
import type { AgentEvent, Utterance } from '../runtime/bus/agents.ts'
import { openRedis } from '../runtime/services/probes.ts'
import { ownRedis } from '../runtime/services/redis.ts'
import { createAgentSocketRoutes } from '../web/agent-socket/routes.ts'
import { serveRoutes } from '../web/agent-socket/testing/serve.ts'
import { type ModelServer, startModelServer } from './testing/model-server.ts'
import { cut, ended, held, problem, say } from './testing/steps.ts'

setDefaultTimeout(120_000)

let rig: Rig
let runtime: Runtime
let model: ModelServer

const two = stateOf(agent('code', { promptText: 'You write code.' }), agent('data'))
const claude = () => ({ apiKey: 'test-key', baseUrl: model.url })

beforeAll(async () => {
  model = startModelServer()
  rig = await createRig((path, name, agents) =>
    serveRoutes(
      path,
      { kind: 'agent', name },
      createAgentSocketRoutes({ agents, audit: { record: async () => {} }, hide: text => text }),
    ),
  )
  runtime = await rig.runtime({ claude: claude() })
  await runtime.converge(two)
})
afterAll(async () => {
  await rig?.stop()
  await model?.stop()
})

const spoken = async (name = 'code') =>
  (await runtime.agents.conversation(name, 100)).map(({ role, text, state }) => `${role} ${state}: ${text}`)
const settled = async (name: string, question: Utterance) => {
  await until(`${question.text} is settled`, async () =>
    (await runtime.agents.conversation(name, 100)).some(other => other.id === question.id && /done|failed/.test(other.state)),
  )
  return (await runtime.agents.conversation(name, 100)).find(other => other.answers === question.id)
}
const ask = async (text: string, name = 'code') => settled(name, await runtime.agents.say(name, text, 'ada'))
const pidOf = (name: string) => runtime.agents.report(name)?.pid ?? 0
const heldReply = (pieces: string[]) => {
  const gate = Promise.withResolvers<void>()
  model.reply(() => held(gate.promise, say(...pieces)))
  return gate.resolve
}
const answerByEcho = () => model.reply(call => say('You said: ', call.messages.at(-1)?.content ?? ''))
const asked = (text: string) => model.calls.filter(call => call.messages.at(-1)?.content === text)

test('what a person sends is answered by Claude, in pieces as they come, kept and shown in the window', async () => {
  const events: AgentEvent[] = []
  const stop = runtime.agents.subscribe(event => events.push(event))
  const release = heldReply(['It is ', 'nginx.'])
  const question = await runtime.agents.say('code', 'what is on port 80?', 'ada')
  await until('the first piece is shown', async () => (await rig.screen('code')).includes('▎ It is'))
  expect(runtime.agents.presence()[0]).toMatchObject({ activity: 'answering', doing: 'answering ada: “what is on port 80?”' })
  release()
  const answer = await settled('code', question)
  expect(answer).toMatchObject({ role: 'agent', by: 'code', text: 'It is nginx.', state: 'done' })
  const deltas = events.filter(event => event.type === 'delta' && event.utteranceId === answer?.id)
  expect(deltas.map(event => (event.type === 'delta' ? event.text : '')).join('')).toBe('It is nginx.')
  expect(model.calls[0]).toMatchObject({ model: 'claude-test', maxTokens: 1_000, apiKey: 'test-key' })
  expect(model.calls[0]?.system).toStartWith('You write code.')
  stop()
})

test('what is typed into the window is answered, with what was said before', async () => {
  answerByEcho()
  await rig.tmux('send-keys', '-t', '=ai-infrastructure:code', '-l', 'und höre 日本')
  await until('it stands at the prompt', async () => (await rig.screen('code')).includes('❯ und höre 日本'))
  await rig.tmux('send-keys', '-t', '=ai-infrastructure:code', 'Enter')
  await until('the answer is shown', async () => (await rig.screen('code')).includes('You said: und höre 日本'))
  expect(model.calls.at(-1)?.messages).toEqual([
    { role: 'user', content: 'what is on port 80?' },
    { role: 'assistant', content: 'It is nginx.' },
    { role: 'user', content: 'und höre 日本' },
  ])
  await until('it is kept', async () => (await spoken()).at(-1) === 'agent done: You said: und höre 日本')
  expect((await spoken()).at(-2)).toBe('person done: und höre 日本')
})

test('escape sequences in an answer are shown, not obeyed', async () => {
  model.reply(() => say('\x1b[2J\x1b]0;owned\x07', 'harmless \x9b31m', ' end'))
  await ask('try')
  await until('it is shown', async () => (await rig.screen('code')).includes('harmless'))
  const screen = await rig.screen('code')
  expect(screen).toContain('␛[2J␛]0;owned␇harmless')
  expect(screen).toContain('und höre 日本')
  expect(await rig.tmux('display-message', '-p', '-t', '=ai-infrastructure:code', '#{pane_title}')).not.toContain('owned')
})

test('what Claude or the way to it refuses is said in a sentence, with what to do', async () => {
  model.reply(() => problem(401, 'authentication_error', 'invalid x-api-key'))
  expect(await ask('hello?')).toMatchObject({ state: 'failed', text: expect.stringContaining('correct ANTHROPIC_API_KEY') })
  model.reply(() => problem(404, 'not_found_error', 'model'))
  expect((await ask('hello again?'))?.text).toContain('knows no model claude-test (correct `model` in agents.yaml')
  let cuts = 0
  model.reply(() => (cuts++ === 0 ? cut(say('half an ')) : say('a whole one')))
  expect(await ask('and now?')).toMatchObject({ state: 'done', text: 'a whole one' })
  model.reply(() => ended('max_tokens', say('too long')))
  expect((await ask('write a book'))?.text).toBe('too long\n\n[cut off at agent_max_tokens of settings.yaml]')
})

test('a failed answer is not told to Claude as something it said', async () => {
  answerByEcho()
  await ask('fresh start')
  const told = model.calls.at(-1)?.messages ?? []
  expect(told.map(message => message.content)).toContain('write a book')
  const said = told.filter(message => message.role === 'assistant').map(message => message.content)
  expect(said.filter(words => /refused|knows no model/.test(words))).toEqual([])
})

test('a changed prompt holds from the next work on, in the same process; what is under way keeps its own', async () => {
  const pid = pidOf('code')
  const gate = Promise.withResolvers<void>()
  const before = model.calls.length
  let turns = 0
  model.reply(() => (turns++ === 0 ? held(gate.promise, say(' ')) : say('Done.')))
  const question = await runtime.agents.say('code', 'first of two', 'ada')
  await until('it is asked', () => model.calls.length > before)
  const poet = stateOf(agent('code', { promptText: 'You write poems.' }), agent('data'))
  expect((await runtime.converge(poet)).changes).toEqual([])
  gate.resolve()
  expect(await settled('code', question)).toMatchObject({ state: 'done', text: 'Done.' })
  await ask('second of two')
  const systems = model.calls.slice(before).map(call => call.system.split('\n')[0])
  expect(systems).toEqual(['You write code.', 'You write code.', 'You write poems.'])
  expect(pidOf('code')).toBe(pid)
  expect((await runtime.converge(two)).changes).toEqual([])
})

test('an agent killed while answering answers again from the start, once', async () => {
  heldReply(['first half ', 'never'])
  const question = await runtime.agents.say('code', 'survive this', 'ada')
  await until('it is answering', async () => (await rig.screen('code')).includes('first half'))
  process.kill(pidOf('code'), 'SIGKILL')
  answerByEcho()
  await until('tmux sees the dead process', async () => (await runtime.plan(two)).changes.length === 1)
  expect((await runtime.converge(two)).changes).toEqual([])
  expect(await settled('code', question)).toMatchObject({ text: 'You said: survive this', state: 'done' })
  expect(asked('survive this')).toHaveLength(2)
  expect((await spoken()).filter(line => line.includes('survive this'))).toEqual([
    'person done: survive this',
    'agent done: You said: survive this',
  ])
  await until('the window shows it', async () => (await rig.screen('code')).includes('You said: survive this'))
  expect(await rig.screen('code')).not.toContain('first half')
})

test('a busy agent is drained before it is replaced, and its successor takes what waited meanwhile', async () => {
  const release = heldReply(['slow ', 'but done'])
  const question = await runtime.agents.say('code', 'take your time', 'ada')
  await until('it is answering', () => runtime.agents.presence()[0]?.activity === 'answering')
  const pid = pidOf('code')
  await runtime.agents.restart('code', 'ada')
  const replacing = runtime.converge(two)
  await until('it is told to drain', () => runtime.agents.presence()[0]?.activity === 'draining')
  const later = await runtime.agents.say('code', 'and then this', 'ada')
  await until('progress is told', () => runtime.progress.some(line => /^code: draining: answering ada.*s left$/.test(line)))
  expect(asked('and then this')).toHaveLength(0)
  expect(pidOf('code')).toBe(pid)
  answerByEcho()
  release()
  expect((await replacing).changes).toEqual([])
  expect(pidOf('code')).not.toBe(pid)
  expect((await settled('code', question))?.text).toBe('slow but done')
  expect((await settled('code', later))?.text).toBe('You said: and then this')
  expect(asked('take your time')).toHaveLength(1)
})

test('a restarted runtime gets the answer that was under way, once', async () => {
  const release = heldReply(['across ', 'a restart'])
  const question = await runtime.agents.say('code', 'stay with it', 'ada')
  await until('it is answering', async () => (await rig.screen('code')).includes('across'))
  await runtime.stop()
  release()
  await until('the window says so', async () => (await rig.screen('code')).includes('The runtime is away'))
  runtime = await rig.runtime({ claude: claude() })
  expect(await settled('code', question)).toMatchObject({ text: 'across a restart', state: 'done' })
  expect(asked('stay with it')).toHaveLength(1)
  await until('the window goes on', async () => !(await rig.screen('code')).includes('The runtime is away'))
})

test('losing Redis loses nothing, and nothing is answered twice', async () => {
  answerByEcho()
  const release = heldReply(['while ', 'Redis dies'])
  const first = await runtime.agents.say('code', 'before the fall', 'ada')
  await until('it is answering', async () => (await rig.screen('code')).includes('while'))
  await rig.kill('redis')
  const second = await runtime.agents.say('code', 'in the dark', 'ada')
  await until('the window says so', async () => (await rig.screen('code')).includes('The message bus is away'))
  answerByEcho()
  release()
  expect(await settled('code', first)).toMatchObject({ text: 'while Redis dies', state: 'done' })
  await rig.start('redis')
  expect(await settled('code', second)).toMatchObject({ text: 'You said: in the dark', state: 'done' })
  expect([asked('before the fall').length, asked('in the dark').length]).toEqual([1, 1])
  await until('the window goes on', async () => !(await rig.screen('code')).includes('The message bus is away'))
})

test('a message that comes twice is answered once', async () => {
  const redis = openRedis(await ownRedis(rig.home), {})
  await ask('only once')
  const [message] = await rig.store<{ id: string }[]>`SELECT id FROM utterance WHERE text = 'only once'`
  const envelope = {
    id: message?.id,
    timestamp: '',
    source: 'x',
    target: 'code',
    type: 'query',
    priority: 5,
    payload: {},
    pai: {},
  }
  await redis.xadd('inbox:code', '*', 'id', envelope.id ?? '', 'message', JSON.stringify(envelope))
  await redis.xadd('inbox:code', '*', 'nonsense', 'x')
  await ask('and the next')
  expect(asked('only once')).toHaveLength(1)
  redis.disconnect()
})

test('an agent reads and acknowledges its own inbox in Redis, and can do nothing else there', async () => {
  const briefing = await runtime.agents.briefing('code')
  if (briefing === undefined) throw new Error('no briefing')
  const { username, password } = briefing.redis
  const redis = new Redis({ path: rig.home.redisSocket, username, password, enableReadyCheck: false, disableClientInfo: true })
  await redis.xreadgroup('GROUP', 'agent', 'code', 'COUNT', 1, 'STREAMS', 'inbox:code', '>')
  for (const forbidden of [
    ['XREADGROUP', 'GROUP', 'agent', 'data', 'STREAMS', 'inbox:data', '>'],
    ['XADD', 'inbox:code', '*', 'message', '{}'],
    ['XDEL', 'inbox:code', '0-1'],
    ['PUBLISH', 'wake:data', ''],
    ['SUBSCRIBE', 'wake:data'],
    ['KEYS', '*'],
    ['ACL', 'LIST'],
    ['CONFIG', 'GET', '*'],
    ['FLUSHALL'],
  ]) {
    const [name = '', ...words] = forbidden
    await expect(redis.call(name, ...words)).rejects.toThrow('NOPERM')
  }
  redis.disconnect()
})

test('a message of nothing, or for nobody, is refused with a sentence', async () => {
  await expect(runtime.agents.say('code', ' \n', 'ada')).rejects.toThrow('the message is empty')
  await expect(runtime.agents.say('nobody', 'hello', 'ada')).rejects.toThrow('there is no agent "nobody"')
  await expect(runtime.agents.say('code', 'x'.repeat(100_001), 'ada')).rejects.toThrow('100000 are allowed')
})

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineEvent } from '../../../reconcilers/engine/status.ts'
import type { AgentEvent, Utterance } from '../../../runtime/bus/agents.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { createDoor } from '../../door/door.ts'
import { type Listener, listenOnLoopback, listenOnSocket } from '../../door/listen.ts'
import type { Identity } from '../../door/route.ts'
import type { Socket } from '../../door/socket.ts'
import { ada, fakeSessions } from '../../portal/testing/house.ts'
import { type ServerMessage, serverMessage } from './protocol.ts'
import { liveRoute } from './route.ts'
import { liveSession, signedOut, talksTooMuch, tooSlow } from './session.ts'
import type { LiveSources } from './sources.ts'

function source<Event>() {
  const listeners = new Set<(event: Event) => void>()
  return {
    listeners,
    subscribe(listener: (event: Event) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    emit(event: Event) {
      for (const listener of listeners) listener(event)
    },
  }
}

const sources = {
  engine: source<EngineEvent>(),
  agents: source<AgentEvent>(),
  health: source<unknown>(),
  tasks: source<{ readonly task: { readonly thread: string | undefined } }>(),
  approvals: source<{ readonly thread: string | undefined }>(),
  alerts: source<unknown>(),
  audit: source<unknown>(),
} satisfies LiveSources

const sessions = fakeSessions()
let portal: Listener & { readonly port: number }
let operator: Listener
let folder: string
let who: Identity = ada

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ai-'))
  const door = createDoor({
    routes: [liveRoute({ ...sources, sessions, clock: systemClock })],
    clock: systemClock,
    log: silentLog,
    audit: async () => {},
    renderError: (status, message) => new Response(message, { status }),
  })
  portal = listenOnLoopback(door, {
    port: 0,
    identify: async () => who,
    hosts: () => new Set(),
    refuse: (status, message) => new Response(message, { status }),
  })
  operator = await listenOnSocket(door, join(folder, 'api.sock'), () => ({ kind: 'operator', name: 'root' }))
})
afterAll(async () => {
  await Promise.all([portal.stop(), operator.stop()])
  await rm(folder, { recursive: true })
})

/** A client that keeps what it hears; `next` waits for something of that kind. */
async function client(address = `ws://127.0.0.1:${portal.port}/api/ws`, headers: Record<string, string> = {}) {
  const heard: ServerMessage[] = []
  const socket = new WebSocket(address, { headers })
  const closed = Promise.withResolvers<number>()
  let changed = Promise.withResolvers<void>()
  socket.addEventListener('message', ({ data }) => {
    heard.push(serverMessage.parse(JSON.parse(String(data))))
    changed.resolve()
    changed = Promise.withResolvers<void>()
  })
  socket.addEventListener('close', ({ code }) => closed.resolve(code))
  const opened = await new Promise<boolean>(resolve => {
    socket.addEventListener('open', () => resolve(true))
    socket.addEventListener('error', () => resolve(false))
  })
  return {
    opened,
    heard,
    closed: closed.promise,
    say: (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    close: () => socket.close(),
    async next(type: ServerMessage['type']) {
      for (;;) {
        const at = heard.findIndex(message => message.type === type)
        const [found] = at < 0 ? [] : heard.splice(at, 1)
        if (found !== undefined) return found
        await changed.promise
      }
    },
  }
}

const utterance = (thread: string): Utterance => ({
  ...{ id: 'u', agent: 'supervisor', thread, role: 'person', by: 'Ada', text: 'hello', state: 'queued', at: '' },
})
const words = (thread: string, text: string): AgentEvent => ({
  ...{ type: 'work', agent: 'supervisor', thread, work: 'u', task: undefined, event: { type: 'text', text } },
})

describe('the WebSocket of the API', () => {
  test('tells what changes in the topics that were asked for, and nothing else', async () => {
    const { say, next, heard, close, closed } = await client()
    say({ type: 'subscribe', topics: ['tasks', 'resources'] })
    expect(await next('subscribed')).toEqual({ type: 'subscribed', topics: ['tasks', 'resources'] })
    sources.alerts.emit({ id: 'a' })
    sources.engine.emit({ type: 'superseded', revision: 'a', by: 'b' })
    sources.tasks.emit({ task: { thread: undefined } })
    sources.engine.emit({ type: 'removed', kind: 'site', key: 'old.example.com' })
    expect(await next('event')).toMatchObject({ topic: 'tasks' })
    expect(await next('event')).toMatchObject({ topic: 'resources', event: { type: 'removed', key: 'old.example.com' } })
    say({ type: 'unsubscribe', topics: ['tasks'] })
    expect(await next('subscribed')).toEqual({ type: 'subscribed', topics: ['resources'] })
    sources.tasks.emit({ task: { thread: undefined } })
    expect(heard).toEqual([])
    close()
    await closed
  })

  test('brings an answer piece by piece, of one conversation if asked', async () => {
    const { say, next, close } = await client()
    say({ type: 'subscribe', topics: ['chat'], thread: 'mine' })
    await next('subscribed')
    sources.agents.emit({ type: 'utterance', utterance: utterance('other') })
    sources.agents.emit(words('other', 'not for you'))
    sources.agents.emit({ type: 'utterance', utterance: utterance('mine') })
    sources.agents.emit(words('mine', 'Good'))
    expect(await next('event')).toMatchObject({ event: { type: 'utterance', utterance: { thread: 'mine' } } })
    expect(await next('event')).toMatchObject({ event: { type: 'delta', thread: 'mine', work: 'u', text: 'Good' } })
    close()
  })

  test('says what is wrong with a message, and goes on', async () => {
    const { say, next, close } = await client()
    for (const wrong of ['no json', { type: 'subscribe', topics: ['secrets'] }, { type: 'approve', id: '1' }]) {
      say(wrong)
      expect(await next('error')).toMatchObject({ message: expect.stringMatching(/nvalid/) })
    }
    say({ type: 'subscribe', topics: [] })
    expect(await next('subscribed')).toEqual({ type: 'subscribed', topics: [] })
    close()
  })

  test('ends at once when its person is signed out, and leaves no listener behind', async () => {
    const before = sources.tasks.listeners.size
    const { say, next, closed } = await client()
    say({ type: 'subscribe', topics: ['tasks'] })
    await next('subscribed')
    expect(sources.tasks.listeners.size).toBe(before + 1)
    sessions.end()
    expect(await closed).toBe(signedOut)
    expect(sources.tasks.listeners.size).toBe(before)
  })

  test('opens to nobody who is not signed in, to no page of another site, and to no agent', async () => {
    for (const identity of [{ kind: 'anonymous' }, { kind: 'agent', name: 'code' }] as const) {
      who = identity
      expect((await client()).opened).toBe(false)
    }
    who = ada
    expect((await client(undefined, { origin: 'https://evil.example.com' })).opened).toBe(false)
    const ours = await client(undefined, { origin: `http://127.0.0.1:${portal.port}` })
    expect(ours.opened).toBe(true)
    ours.close()
    const plain = await fetch(`http://127.0.0.1:${portal.port}/api/ws`)
    expect([plain.status, await plain.json()]).toEqual([426, { message: 'this address speaks WebSocket (RFC 6455)' }])
  })

  test("serves the operator's socket as well", async () => {
    const { opened, say, next, close } = await client(`ws+unix://${join(folder, 'api.sock')}:/api/ws`)
    expect(opened).toBe(true)
    say({ type: 'subscribe', topics: ['agents'] })
    await next('subscribed')
    sources.health.emit({ agent: 'code' })
    expect(await next('event')).toMatchObject({ topic: 'agents', event: { agent: 'code' } })
    close()
  })
})

describe('a session', () => {
  const held = (waiting = () => 0) => {
    const sent: string[] = []
    const codes: number[] = []
    const socket: Socket = { send: text => sent.push(text) > 0, waiting, close: code => void codes.push(code) }
    const session = liveSession({
      ...{ sources, alive: async () => true, onEnded: () => () => {}, clock: systemClock, beat: 86_400_000 },
    })
    session.open(socket)
    return { session, sent, codes }
  }

  test('lets a reader go that does not keep up, instead of filling the memory', () => {
    const { session, codes, sent } = held(() => 2 * 1024 * 1024)
    session.message('{"type":"subscribe","topics":["audit"]}')
    for (let n = 0; n < 100; n++) sources.audit.emit({ n })
    expect(codes).toEqual([tooSlow])
    expect(sent).toHaveLength(1)
  })

  test('ends with who talks without end', () => {
    const { session, codes } = held()
    for (let n = 0; n < 100; n++) session.message('{}')
    expect(codes[0]).toBe(talksTooMuch)
    session.closed()
  })
})

import type { Clock } from '../os/clock.ts'
import { ApplianceError, explain } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import type { Log } from '../os/log.ts'
import type { Spawn } from '../os/spawn.ts'
import type { RedisAddress } from '../services/probes.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Agents, Utterance } from './agents.ts'
import { type Conversations, createConversations, type Recorded } from './conversations.ts'
import { createDeclarations, type Declaration, type Declarations, promptHash, shortHash } from './declarations.ts'
import { createInboxes, type Inboxes } from './inboxes.ts'
import { createPresences, type Report } from './presences.ts'
import {
  type AnswerOutcome,
  type AnswerReport,
  type Briefing,
  type Heartbeat,
  longestUtterance,
  type Message,
} from './protocol.ts'
import { readScreen } from './screen.ts'

export interface AgentsDeps {
  readonly home: Home
  readonly store: Store
  readonly redis: RedisAddress
  readonly spawn: Spawn
  readonly clock: Clock
  readonly log: Log
  /** From the operator's environment; handed to the processes in memory, never in arguments or environments. */
  readonly claude: { readonly apiKey: string | undefined; readonly baseUrl: string | undefined }
}

/** {@link Agents}, with what the reconciler and the agents' own sockets need besides. */
export interface AgentsRoom extends Agents {
  readonly declarations: Declarations
  /** Reads what was applied before and opens the inboxes; call it once, when the store is migrated. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The names of all agents that were applied, sorted. */
  names(): readonly string[]
  /** Makes this what the agent is: its process, running or to come, is briefed with it. */
  declare(declaration: Declaration): Promise<void>
  forget(name: string): Promise<void>
  /** Tells the process to take no more work, or to go on. Not remembered over a restart of the runtime. */
  setDraining(name: string, draining: boolean): void
  report(name: string): Report | undefined
  /** The process is known to be gone. */
  gone(name: string): void
  /** Calls back on every heartbeat and every loss of one. */
  onReport(listener: (name: string) => void): () => void
  /** A person asked for a new process of this agent. */
  onRestart(listener: (name: string) => void): () => void
  /** When this runtime began to listen for heartbeats. */
  readonly listeningSince: Date

  briefing(name: string): Promise<Briefing | undefined>
  heard(name: string, heartbeat: Heartbeat): Promise<{ readonly version: string }>
  answer(name: string, utteranceId: string, report: AnswerReport): Promise<AnswerOutcome>
}

export function createAgents(deps: AgentsDeps): AgentsRoom {
  const { clock, log, store } = deps
  const declarations = createDeclarations(store)
  const conversations = createConversations(store)
  const listeners = new Set<(event: AgentEvent) => void>()
  const reportListeners = new Set<(name: string) => void>()
  const restartListeners = new Set<(name: string) => void>()
  const draining = new Set<string>()
  const known = new Map<string, Declaration>()
  const emit = (event: AgentEvent) => {
    for (const listener of listeners) listener(event)
  }
  const presences = createPresences(
    () => clock.now().getTime(),
    presence => {
      emit({ type: 'presence', presence })
      for (const listener of reportListeners) listener(presence.name)
    },
  )
  let started = false
  const inboxes = createInboxes({
    address: deps.redis,
    log,
    connected: () => {
      if (started) void deliverAll()
    },
  })
  const delivery = createDelivery({ inboxes, conversations, log })
  const deliverAll = () => Promise.all([...known.keys()].map(delivery.catchUp))
  const told = ({ outcome, changed }: Recorded): AnswerOutcome => {
    for (const utterance of changed) emit({ type: 'utterance', utterance })
    return outcome
  }
  const brief = (declaration: Declaration): Briefing => composeBriefing(declaration, deps, inboxes, draining)

  return {
    declarations,
    listeningSince: clock.now(),
    async start() {
      for (const declaration of await declarations.all()) known.set(declaration.name, declaration)
      started = true
      await deliverAll()
    },
    async stop() {
      presences.stop()
      await delivery.stop()
      await inboxes.stop()
    },
    names: () => [...known.keys()].sort(),
    async declare(declaration) {
      await declarations.put(declaration)
      known.set(declaration.name, declaration)
      await delivery.catchUp(declaration.name)
    },
    async forget(name) {
      await declarations.remove(name)
      await declarations.forgetRestarts(name)
      known.delete(name)
      draining.delete(name)
      presences.gone(name)
      await inboxes.close(name).catch(error => log.warn('inbox not closed', { key: name, error: explain(error) }))
    },
    setDraining(name, on) {
      if (on === draining.has(name)) return
      if (on) draining.add(name)
      else draining.delete(name)
      delivery.wake(name)
    },
    report: presences.report,
    gone: presences.gone,
    onReport: listener => subscribe(reportListeners, listener),
    onRestart: listener => subscribe(restartListeners, listener),

    presence: () => presences.all([...known.keys()].sort()),
    screen: name => readScreen(deps.home, deps.spawn, name),
    conversation: conversations.last,
    async say(name, text, by) {
      if (!known.has(name)) throw new ApplianceError('invalid', `there is no agent ${JSON.stringify(name)}`)
      const { utterance, message } = await conversations.ask(name, utteranceText(text), by, `person:${by}`, clock.now())
      emit({ type: 'utterance', utterance })
      await delivery.send(message)
      return utterance
    },
    async restart(name, by) {
      if (!(await declarations.bump(name))) throw new ApplianceError('invalid', `there is no agent ${JSON.stringify(name)}`)
      await declarations.forgetRestarts(name)
      log.info('restart asked', { component: 'agents', key: name, by })
      for (const listener of restartListeners) listener(name)
    },
    subscribe: listener => subscribe(listeners, listener),

    async briefing(name) {
      const declaration = known.get(name)
      return declaration && brief(declaration)
    },
    async heard(name, heartbeat) {
      const declaration = known.get(name)
      if (declaration === undefined) throw new ApplianceError('invalid', `there is no agent ${JSON.stringify(name)}`)
      const another = presences.heard(name, heartbeat)
      delivery.catchUpIfBehind(name)
      if (another && heartbeat.activity !== 'answering') {
        for (const utterance of await conversations.requeue(name)) emit({ type: 'utterance', utterance })
      }
      return { version: brief(declaration).version }
    },
    async answer(name, id, report) {
      const at = clock.now()
      if (report.type === 'start') return told(await conversations.start(name, id, at))
      if (report.type === 'delta') return delta(conversations, emit, name, id, report)
      const recorded = await conversations.finish(name, id, report.attempt, { state: report.type, text: clean(report.text), at })
      await delivery.settle(name, id)
      return told(recorded)
    },
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

async function delta(
  conversations: Conversations,
  emit: (event: AgentEvent) => void,
  agent: string,
  id: string,
  { attempt, text }: { readonly attempt: number; readonly text: string },
): Promise<AnswerOutcome> {
  const answer: Utterance | undefined = await conversations.current(agent, id, attempt)
  if (answer === undefined) return { outcome: 'settled' }
  emit({ type: 'delta', agent, utteranceId: answer.id, text: clean(text) })
  return { outcome: 'recorded' }
}

function composeBriefing(
  declaration: Declaration,
  { claude, redis }: AgentsDeps,
  inboxes: Inboxes,
  draining: ReadonlySet<string>,
): Briefing {
  const content = {
    ...declaration,
    promptHash: promptHash(declaration),
    mode: draining.has(declaration.name) ? ('drain' as const) : ('run' as const),
    claude,
    redis: {
      socket: 'socket' in redis ? redis.socket : undefined,
      url: 'url' in redis ? withoutCredential(redis.url) : undefined,
      ...inboxes.credential(declaration.name),
    },
  }
  return { ...content, version: shortHash(content) }
}

/** The address of an outside Redis, without the runtime's own user and password. */
function withoutCredential(address: string): string {
  const url = new URL(address)
  url.username = ''
  url.password = ''
  return url.href
}

function utteranceText(text: string): string {
  const cleaned = clean(text).trim()
  if (cleaned === '') throw new ApplianceError('invalid', 'the message is empty', { hint: 'write something' })
  if (cleaned.length > longestUtterance) {
    throw new ApplianceError('invalid', `the message has ${cleaned.length} characters, and ${longestUtterance} are allowed`)
  }
  return cleaned
}

/** Postgres keeps every character but NUL. */
const clean = (text: string) => text.replaceAll('\0', '').toWellFormed()

interface Delivery {
  /** Opens the inbox and puts in what has no answer and is not there. */
  catchUp(agent: string): Promise<void>
  /** The same, if something could not be sent meanwhile. */
  catchUpIfBehind(agent: string): void
  send(message: Message): Promise<void>
  settle(agent: string, messageId: string): Promise<void>
  wake(agent: string): void
  stop(): Promise<void>
}

/** Sends to Redis one thing after another for each agent; what fails is sent again once Redis is back. */
function createDelivery(deps: { inboxes: Inboxes; conversations: Conversations; log: Log }): Delivery {
  const { inboxes, conversations, log } = deps
  const queues = new Map<string, Promise<void>>()
  const behind = new Set<string>()
  const inTurn = (agent: string, work: () => Promise<void>): Promise<void> => {
    const next = (queues.get(agent) ?? Promise.resolve()).then(work).catch(error => {
      behind.add(agent)
      log.debug('not delivered, Redis is away', { component: 'bus', key: agent, error: explain(error) })
    })
    queues.set(agent, next)
    return next
  }
  const catchUp = (agent: string) =>
    inTurn(agent, async () => {
      behind.delete(agent)
      await inboxes.open(agent)
      const there = await inboxes.waiting(agent)
      for (const message of await conversations.unanswered(agent)) {
        if (!there.has(message.id)) await inboxes.put(message)
      }
      await inboxes.wake(agent)
    })
  return {
    catchUp,
    catchUpIfBehind(agent) {
      if (behind.has(agent)) void catchUp(agent)
    },
    send: message =>
      inTurn(message.target, async () => {
        await inboxes.put(message)
        await inboxes.wake(message.target)
      }),
    settle: (agent, messageId) => inTurn(agent, () => inboxes.settle(agent, messageId)),
    wake: agent => void inTurn(agent, () => inboxes.wake(agent)),
    async stop() {
      await Promise.allSettled(queues.values())
    },
  }
}

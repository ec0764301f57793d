import type { Clock } from '../os/clock.ts'
import { ApplianceError, explain } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import type { Log } from '../os/log.ts'
import type { Spawn } from '../os/spawn.ts'
import type { RedisAddress } from '../services/probes.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Agents, Utterance } from './agents.ts'
import { briefingOf } from './briefing.ts'
import { createConversations } from './conversations.ts'
import { createDeclarations, type Declaration, type Declarations } from './declarations.ts'
import { createDelivery } from './delivery.ts'
import { createInboxes } from './inboxes.ts'
import { createPresences, type Report } from './presences.ts'
import { type AnswerOutcome, type AnswerReport, type Briefing, type Heartbeat, longestUtterance } from './protocol.ts'
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
  /** Somebody asked for a new process of this agent: a person, or recovery. */
  onRestart(listener: (name: string, by: string) => void): () => void
  /** When this runtime began to listen for heartbeats. */
  readonly listeningSince: Date

  briefing(name: string): Promise<Briefing | undefined>
  heard(name: string, heartbeat: Heartbeat): Promise<{ readonly version: string }>
  answer(name: string, utteranceId: string, report: AnswerReport): Promise<AnswerOutcome>
}

export function createAgents(deps: AgentsDeps): AgentsRoom {
  const core = createCore(deps)
  return { ...lifecycle(core), ...declaring(core), ...conversing(core), ...answering(core) }
}

/** What the parts of the room share. */
type Core = ReturnType<typeof createCore>

function createCore(deps: AgentsDeps) {
  const { clock, log, store } = deps
  const listeners = new Set<(event: AgentEvent) => void>()
  const reportListeners = new Set<(name: string) => void>()
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
  const known = new Map<string, Declaration>()
  const draining = new Set<string>()
  const conversations = createConversations(store)
  const inboxes = createInboxes({
    address: deps.redis,
    log,
    connected: () => {
      for (const name of known.keys()) void delivery.catchUp(name)
    },
  })
  const delivery = createDelivery({ inboxes, conversations, log })
  return {
    deps,
    listeners,
    reportListeners,
    restartListeners: new Set<(name: string, by: string) => void>(),
    emit,
    show(utterances: readonly Utterance[]) {
      for (const utterance of utterances) emit({ type: 'utterance', utterance })
    },
    presences,
    known,
    draining,
    declarations: createDeclarations(store),
    conversations,
    inboxes,
    delivery,
    brief: (declaration: Declaration): Briefing =>
      briefingOf(declaration, {
        claude: deps.claude,
        redis: deps.redis,
        credential: inboxes.credential(declaration.name),
        mode: draining.has(declaration.name) ? 'drain' : 'run',
      }),
    names: () => [...known.keys()].sort(),
  }
}

function lifecycle({ declarations, known, delivery, presences, inboxes }: Core) {
  return {
    async start() {
      for (const declaration of await declarations.all()) known.set(declaration.name, declaration)
      await Promise.all([...known.keys()].map(delivery.catchUp))
    },
    async stop() {
      presences.stop()
      await delivery.stop()
      await inboxes.stop()
    },
  }
}

/** What the reconciler asks. */
function declaring({
  deps,
  declarations,
  known,
  draining,
  delivery,
  presences,
  inboxes,
  reportListeners,
  restartListeners,
  names,
}: Core) {
  return {
    declarations,
    listeningSince: deps.clock.now(),
    names,
    report: presences.report,
    gone: presences.gone,
    onReport: (listener: (name: string) => void) => subscribe(reportListeners, listener),
    onRestart: (listener: (name: string, by: string) => void) => subscribe(restartListeners, listener),
    async declare(declaration: Declaration) {
      await declarations.put(declaration)
      known.set(declaration.name, declaration)
      await delivery.catchUp(declaration.name)
    },
    async forget(name: string) {
      await declarations.remove(name)
      await declarations.forgetRestarts(name)
      known.delete(name)
      draining.delete(name)
      presences.gone(name)
      await inboxes.close(name).catch(error => deps.log.warn('inbox not closed', { key: name, error: explain(error) }))
    },
    setDraining(name: string, on: boolean) {
      if (on === draining.has(name)) return
      if (on) draining.add(name)
      else draining.delete(name)
      delivery.wake(name)
    },
  }
}

/** What the portal and the API ask. */
function conversing({
  deps,
  declarations,
  conversations,
  known,
  presences,
  delivery,
  listeners,
  restartListeners,
  show,
  names,
}: Core) {
  return {
    presence: () => presences.all(names()),
    screen: (name: string) => readScreen(deps.home, deps.spawn, name),
    conversation: conversations.last,
    subscribe: (listener: (event: AgentEvent) => void) => subscribe(listeners, listener),
    async say(name: string, text: string, by: string) {
      if (!known.has(name)) throw unknownAgent(name)
      const { utterance, message } = await conversations.ask(name, utteranceText(text), by, `person:${by}`, deps.clock.now())
      show([utterance])
      await delivery.send(message)
      return utterance
    },
    async restart(name: string, by: string) {
      if (!(await declarations.bump(name))) throw unknownAgent(name)
      await declarations.forgetRestarts(name)
      deps.log.info('restart asked', { key: name, by })
      for (const listener of restartListeners) listener(name, by)
    },
  }
}

/** What an agent's own process asks and tells. */
function answering({ deps, conversations, known, presences, delivery, brief, emit, show }: Core) {
  return {
    async briefing(name: string) {
      const declaration = known.get(name)
      return declaration && brief(declaration)
    },
    async heard(name: string, heartbeat: Heartbeat) {
      const declaration = known.get(name)
      if (declaration === undefined) throw unknownAgent(name)
      const another = presences.heard(name, heartbeat)
      delivery.catchUpIfBehind(name)
      if (another && heartbeat.activity !== 'answering') show(await conversations.requeue(name))
      return { version: brief(declaration).version }
    },
    async answer(name: string, id: string, report: AnswerReport): Promise<AnswerOutcome> {
      const at = deps.clock.now()
      if (report.type === 'delta') {
        const answer = await conversations.current(name, id, report.attempt)
        if (answer === undefined) return { outcome: 'settled' }
        emit({ type: 'delta', agent: name, utteranceId: answer.id, text: clean(report.text) })
        return { outcome: 'recorded' }
      }
      const { outcome, changed } =
        report.type === 'start'
          ? await conversations.start(name, id, at)
          : await conversations.finish(name, id, report.attempt, { state: report.type, text: clean(report.text), at })
      show(changed)
      if (report.type !== 'start') await delivery.settle(name, id)
      return outcome
    },
  }
}

const unknownAgent = (name: string) => new ApplianceError('invalid', `there is no agent ${JSON.stringify(name)}`)

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
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

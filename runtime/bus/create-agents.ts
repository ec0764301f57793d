import { randomUUID } from 'node:crypto'
import type { AgentPolicy } from '../../desired-state/state.ts'
import type { Clock } from '../os/clock.ts'
import { ApplianceError, explain } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import type { Log } from '../os/log.ts'
import type { Spawn } from '../os/spawn.ts'
import type { RedisAddress } from '../services/probes.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Agents, Saying, Utterance } from './agents.ts'
import { briefingOf } from './briefing.ts'
import { clean } from './clean.ts'
import { addQuestion, findUtterance, lastOf, type Question, requeue } from './conversations.ts'
import { createDeclarations, type Declaration, type Declarations } from './declarations.ts'
import { createDelivery } from './delivery.ts'
import { createEarlierAnswers } from './earlier-answers.ts'
import { createInboxes } from './inboxes.ts'
import { createLiveAnswers } from './live-answers.ts'
import { addMessage, openMessages, supersede } from './messages.ts'
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
import { createThreads } from './threads.ts'
import type { Usage } from './work.ts'
import { stepsOf } from './work-steps.ts'
import { createWorks, type TaskLeases, type Works } from './works.ts'

export interface AgentsDeps {
  readonly home: Home
  readonly store: Store
  readonly redis: RedisAddress
  readonly spawn: Spawn
  readonly clock: Clock
  readonly log: Log
  /** From the operator's environment; handed to the processes in memory, never in arguments or environments. */
  readonly claude: { readonly apiKey: string | undefined; readonly baseUrl: string | undefined }
  /** Without it nothing but questions is worked on. */
  readonly tasks?: () => TaskLeases
  /** What a call of the model costs, in millionths of a US dollar; default: nothing. */
  readonly priceOf?: (usage: Usage) => number
  /** Why an agent may spend nothing more today; empty when it may. */
  readonly spentBudget?: (agent: string) => Promise<string>
}

/** Something that happened, told to an agent in a thread of its own; it speaks of it there. */
export interface Happening {
  readonly agent: string
  /** Default: the agent's first one. */
  readonly thread?: string
  /** Who brought it about, like an agent that has ended its task. */
  readonly by: string
  readonly text: string
  readonly priority?: number
  /** A UUID; what was told with it is not told again. */
  readonly id?: string
}

export interface Dispatched {
  /** That of the message: the same each time that this is told. */
  readonly id: string
  readonly task: { readonly id: string; readonly agent: string; readonly priority: number; readonly by: string }
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
  /** What an agent may do, as it was applied; undefined for one that there is not. */
  policyOf(name: string): AgentPolicy | undefined
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
  /** What the agent asks and tells of the work in its inbox. */
  readonly work: Pick<Works, 'start' | 'events' | 'finish'>
  answer(name: string, utteranceId: string, report: AnswerReport): Promise<AnswerOutcome>
  /** Commits what happened, then puts it into the agent's inbox as a `result`. */
  tell(happening: Happening): Promise<Utterance>
  /** Puts a task that is ready into its agent's inbox; nothing happens when that message was there before. */
  dispatch(announcement: Dispatched): Promise<void>
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
  const threads = createThreads(store)
  const live = createLiveAnswers(store, log, emit)
  const inboxes = createInboxes({
    address: deps.redis,
    log,
    connected: () => {
      for (const name of known.keys()) void delivery.catchUp(name)
    },
  })
  const delivery = createDelivery({ inboxes, open: agent => openMessages(store, agent), log })
  const works = createWorks({
    ...{ store, clock, threads, live, emit, tasks: () => deps.tasks?.() ?? noTasks, priceOf: deps.priceOf ?? (() => 0) },
    spentBudget: async agent => (await deps.spentBudget?.(agent)) ?? '',
    settled: delivery.settle,
  })
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
    threads,
    live,
    works,
    inboxes,
    delivery,
    brief: (declaration: Declaration): Briefing =>
      briefingOf(declaration, {
        claude: deps.claude,
        redis: deps.redis,
        credential: inboxes.credential(declaration.name),
        mode: draining.has(declaration.name) ? 'drain' : 'run',
        team: [...known.values()]
          .map(({ name, description }) => ({ name, description }))
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      }),
    names: () => [...known.keys()].sort(),
  }
}

const noTasks: TaskLeases = {
  get: async () => undefined,
  claim: async () => ({ outcome: 'settled' }),
  progress: async () => false,
  waits: async () => {},
  complete: async () => false,
  fail: async () => false,
}

function lifecycle({ declarations, known, delivery, presences, inboxes, live }: Core) {
  return {
    async start() {
      for (const declaration of await declarations.all()) known.set(declaration.name, declaration)
      await Promise.all([...known.keys()].map(delivery.catchUp))
    },
    async stop() {
      presences.stop()
      await live.keepAll()
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
    policyOf: (name: string) => known.get(name)?.policy,
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
function conversing(core: Core) {
  const { deps, declarations, threads, live, works, known, presences, delivery, listeners, restartListeners, show, names } = core
  const { store, clock } = deps
  const threadOf = async (name: string, id: string | undefined) => {
    if (!known.has(name)) throw unknownAgent(name)
    const thread = id === undefined ? await threads.main(name, clock.now()) : await threads.get(id)
    if (thread?.agent !== name) throw new ApplianceError('invalid', `${name} has no conversation ${JSON.stringify(id)}`)
    return thread
  }
  const put = async (question: Question, message: Message) => {
    const utterance = await store.begin(async transaction => {
      await addMessage(transaction, message, { thread: question.thread })
      return addQuestion(transaction, question, clock.now())
    })
    show([utterance])
    await delivery.send(message)
    return utterance
  }
  const say = async (name: string, text: string, by: string, { thread, attachments = [] }: Saying = {}) => {
    const { id: place } = await threadOf(name, thread)
    const words = utteranceText(text, attachments.length > 0)
    const id = randomUUID()
    const payload = { action: 'answer', text: words, by }
    return put(
      { id, agent: name, thread: place, role: 'person', by, text: words, attachments },
      messageTo(name, { id, source: `person:${by}`, type: 'query', priority: 5, payload, at: clock.now() }),
    )
  }
  return {
    presence: () => presences.all(names()),
    screen: (name: string) => readScreen(deps.home, deps.spawn, name),
    async conversation(name: string, limit: number, thread?: string) {
      const place = thread ?? (await threads.main(name, clock.now())).id
      return live.withText(await lastOf(store, place, limit))
    },
    threads: threads.of,
    thread: threads.get,
    async openThread(name: string, title: string, by: string) {
      if (!known.has(name)) throw unknownAgent(name)
      return threads.open(name, clean(title).trim().slice(0, longestTitle), by, clock.now())
    },
    changeThread: (id: string, { title, archived }: { readonly title?: string; readonly archived?: boolean }) =>
      threads.change(id, {
        ...(title === undefined ? {} : { title: clean(title).trim().slice(0, longestTitle) }),
        ...(archived === undefined ? {} : { archived }),
      }),
    steps: (thread: string) => stepsOf(store, thread),
    subscribe: (listener: (event: AgentEvent) => void) => subscribe(listeners, listener),
    say,
    async tell({ agent, thread, by, text, priority = 5, id = randomUUID() }: Happening) {
      const told = await findUtterance(store, id)
      if (told !== undefined) return told
      const { id: place } = await threadOf(agent, thread)
      const words = utteranceText(text, false)
      return put(
        { id, agent, thread: place, role: 'event', by, text: words, attachments: [] },
        messageTo(agent, {
          id,
          source: by,
          type: 'result',
          priority,
          payload: { action: 'answer', text: words },
          at: clock.now(),
        }),
      )
    },
    async stopAnswer(work: string, by: string) {
      const stopped = await works.stop(work, by)
      if (stopped !== undefined) delivery.wake(stopped.agent)
      return stopped !== undefined
    },
    async askAgain(work: string) {
      const question = await findUtterance(store, work)
      if (question?.role !== 'person' || question.state !== 'failed') return false
      const { agent, text, by, thread, attachments = [] } = question
      await say(agent, text, by, { thread, attachments })
      return true
    },
    async restart(name: string, by: string) {
      if (!(await declarations.bump(name))) throw unknownAgent(name)
      await declarations.forgetRestarts(name)
      deps.log.info('restart asked', { key: name, by })
      for (const listener of restartListeners) listener(name, by)
    },
  }
}

const longestTitle = 200

interface NewMessage extends Pick<Message, 'id' | 'source' | 'type' | 'priority' | 'payload'> {
  readonly at: Date
}

const messageTo = (target: string, { at, ...message }: NewMessage): Message => ({
  ...message,
  target,
  timestamp: at.toISOString(),
  pai: {},
})

/** What an agent's own process asks and tells, and what is given to it to do. */
function answering({ deps, live, works, known, presences, delivery, brief, show }: Core) {
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
      if (another && heartbeat.activity !== 'answering') {
        await live.keepAll()
        live.forget(name)
        show(await requeue(deps.store, name))
      }
      return { version: brief(declaration).version }
    },
    work: works,
    answer: createEarlierAnswers(deps.store, works),
    async dispatch({ id, task }: Dispatched) {
      const { id: taskId, agent, by, priority } = task
      const payload = { action: 'task', task_id: taskId }
      const at = deps.clock.now()
      const message = messageTo(agent, { id, source: by, type: 'task', priority, payload, at })
      const { added, superseded } = await deps.store.begin(async transaction => ({
        superseded: await supersede(transaction, taskId, id, at),
        added: await addMessage(transaction, message, { task: taskId }),
      }))
      for (const old of superseded) await delivery.settle(old.target, old.id)
      if (added) await delivery.send(message)
    },
  }
}

const unknownAgent = (name: string) => new ApplianceError('invalid', `there is no agent ${JSON.stringify(name)}`)

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function utteranceText(text: string, mayBeEmpty: boolean): string {
  const cleaned = clean(text).trim()
  if (cleaned === '' && !mayBeEmpty) throw new ApplianceError('invalid', 'the message is empty', { hint: 'write something' })
  if (cleaned.length > longestUtterance) {
    throw new ApplianceError('invalid', `the message has ${cleaned.length} characters, and ${longestUtterance} are allowed`)
  }
  return cleaned
}

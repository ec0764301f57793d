import { randomUUID } from 'node:crypto'
import type { Clock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Utterance } from './agents.ts'
import { clean } from './clean.ts'
import { addConsultation, findConsultation, lockConsultations, threadBetween, waitsFor } from './consultations.ts'
import { findAnswer, findUtterance } from './conversations.ts'
import { isUuid, type Message } from './envelope.ts'
import { addNote } from './notes.ts'
import { broadcast, consult } from './patterns.ts'
import type { Post } from './post.ts'
import { isTainted, type Threads, taint } from './threads.ts'

/** Who asks on the bus: an agent, in one call of one of its works. */
export interface Asking {
  readonly from: string
  readonly work: string
  readonly call: string
}

export interface PeerQuestion extends Asking {
  readonly to: string
  readonly text: string
}

/** What agents say to each other. */
export interface Peers {
  /** Asks another agent and waits for its answer; the same call asks once, however often it is made. */
  consult(question: PeerQuestion, signal: AbortSignal): Promise<string>
  /** Tells all other agents, who hear it with their next work. Gives who was told. */
  broadcast(from: string, text: string, thread: string | undefined): Promise<readonly string[]>
}

export interface PeersDeps {
  readonly store: Store
  readonly clock: Clock
  readonly threads: Threads
  readonly names: () => readonly string[]
  readonly post: Post
  readonly subscribe: (listener: (event: AgentEvent) => void) => () => void
  /** Ends a question that nobody waits for any more. */
  readonly stop: (id: string, by: string) => Promise<unknown>
}

/** Milliseconds that an answer may take. */
const longestWait = 15 * 60_000
/** Before what nobody waits for. */
const priority = 8

export function createPeers(deps: PeersDeps): Peers {
  return {
    consult: ({ to, text, ...asking }, signal) =>
      consult({ ask: (agent, words) => ask(deps, asking, agent, words, signal) }, to, text),
    broadcast: (from, text, thread) =>
      broadcast({ agents: deps.names, tell: (agent, words) => tell(deps, from, agent, words, thread) }, from, text),
  }
}

async function ask(deps: PeersDeps, asking: Asking, to: string, text: string, signal: AbortSignal): Promise<string> {
  const { store } = deps
  const { from, work, call } = asking
  if (to === from) throw new ApplianceError('invalid', 'an agent does not ask itself')
  if (!deps.names().includes(to)) throw unknownAgent(to, deps.names())
  const origin = isUuid(work) ? await findUtterance(store, work) : undefined
  if (origin?.agent !== from) throw new ApplianceError('invalid', `${from} has no work ${work}`)
  const id = (await findConsultation(store, work, call)) ?? (await putOnce(deps, asking, to, text, origin))
  const answer = await ended(deps, id, signal)
  if (await isTainted(store, answer.thread)) await taint(store, origin.thread, `an answer of ${to}`)
  if (answer.state === 'done') return answer.text
  throw new ApplianceError('failed', `${to} could not answer${answer.role === 'agent' ? `: ${answer.text}` : ''}`)
}

/** The same call may be on its way a second time. */
async function putOnce(deps: PeersDeps, asking: Asking, to: string, text: string, origin: Utterance): Promise<string> {
  try {
    return await put(deps, asking, to, text, origin)
  } catch (error) {
    const other = await findConsultation(deps.store, asking.work, asking.call)
    if (other === undefined) throw error
    return other
  }
}

async function put(deps: PeersDeps, { from, work, call }: Asking, to: string, text: string, origin: Utterance): Promise<string> {
  const { store, clock, threads, post } = deps
  const at = clock.now()
  const thread = (await threadBetween(store, work, to)) ?? (await threads.open(to, `${from} asks`, `agent:${from}`, at)).id
  if (await isTainted(store, origin.thread)) await taint(store, thread, `a question of ${from}`)
  const id = randomUUID()
  const message: Message = {
    ...{ id, timestamp: at.toISOString(), source: from, target: to, type: 'query', priority, pai: {} },
    payload: { action: 'answer', work },
  }
  const question = { id, agent: to, thread, role: 'event', by: from, text: clean(text), attachments: [] } as const
  await post(message, {
    question,
    async also(transaction) {
      await lockConsultations(transaction)
      if (await waitsFor(transaction, to, from)) {
        throw new ApplianceError('invalid', `${to} waits for an answer of yours itself, so it cannot give one`, {
          hint: 'go on with what you know',
        })
      }
      await addConsultation(transaction, { message: id, asker: from, work, call, answerer: to })
    },
  })
  return id
}

/** The answer once it has come, or the question where there will be none. */
async function ended({ store, subscribe, stop }: PeersDeps, id: string, signal: AbortSignal): Promise<Utterance> {
  const over = Promise.withResolvers<void>()
  const unsubscribe = subscribe(event => {
    if (event.type === 'utterance' && isEnd(event.utterance, id)) over.resolve()
  })
  const limit = setTimeout(() => over.resolve(), longestWait)
  const aborted = () => over.reject(signal.reason)
  signal.addEventListener('abort', aborted, { once: true })
  try {
    signal.throwIfAborted()
    const before = await findAnswer(store, id)
    if (before !== undefined && isEnd(before, id)) return before
    await over.promise
    const answer = await findAnswer(store, id)
    if (answer !== undefined && isEnd(answer, id)) return answer
    await stop(id, 'who asked: it took too long')
    throw new ApplianceError('failed', `no answer came within ${longestWait / 60_000} minutes`)
  } finally {
    clearTimeout(limit)
    signal.removeEventListener('abort', aborted)
    unsubscribe()
  }
}

const isEnd = ({ id, answers, state }: Utterance, question: string) =>
  (id === question || answers === question) && (state === 'done' || state === 'failed')

async function tell(deps: PeersDeps, from: string, agent: string, text: string, thread: string | undefined): Promise<void> {
  const { store, clock, post } = deps
  const at = clock.now()
  const tainted = thread !== undefined && isUuid(thread) && (await isTainted(store, thread))
  const id = randomUUID()
  const note = { message: id, agent, by: from, text: clean(text), tainted }
  const message: Message = {
    ...{ id, timestamp: at.toISOString(), source: from, target: agent, type: 'learn', priority: 5, pai: {} },
    payload: { action: 'learn', text: note.text },
  }
  await post(message, { also: transaction => addNote(transaction, note, at) })
}

const unknownAgent = (name: string, names: readonly string[]) =>
  new ApplianceError('invalid', `there is no agent ${JSON.stringify(name)}`, { hint: `there are ${names.join(', ') || 'none'}` })

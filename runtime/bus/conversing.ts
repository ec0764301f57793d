import { randomUUID } from 'node:crypto'
import { ApplianceError } from '../os/errors.ts'
import type { AgentEvent, Saying } from './agents.ts'
import type { Happening } from './agents-room.ts'
import { clean } from './clean.ts'
import { findUtterance, lastOf, type Question } from './conversations.ts'
import { type Core, subscribeTo, unknownAgent } from './core.ts'
import { isUuid, type Message } from './envelope.ts'
import { forgetThread } from './forget-thread.ts'
import { longestUtterance } from './protocol.ts'
import { readScreen } from './screen.ts'
import { searchThreads } from './search-threads.ts'
import { stepsOf } from './work-steps.ts'

/** What the portal and the API ask. */
export function conversing(core: Core) {
  const { deps, declarations, threads, live, works, known, presences, delivery, listeners, restartListeners, names, post } = core
  const { store, clock } = deps
  const threadOf = async (name: string, id: string | undefined) => {
    if (!known.has(name)) throw unknownAgent(name)
    const thread = id === undefined ? await threads.main(name, clock.now()) : await threads.get(id)
    if (thread?.agent !== name) throw new ApplianceError('invalid', `${name} has no conversation ${JSON.stringify(id)}`)
    return thread
  }
  const put = async (question: Question, message: Message) => {
    const posted = await post(message, { question })
    const asked = posted.added ? posted.question : await findUtterance(store, question.id)
    if (asked === undefined) throw new ApplianceError('failed', 'the message was not kept')
    return asked
  }
  const say = async (name: string, text: string, by: string, { thread, attachments = [] }: Saying = {}) => {
    const { id: place } = await threadOf(name, thread)
    const words = utteranceText(text, attachments.length > 0)
    const id = randomUUID()
    return put(
      { id, agent: name, thread: place, role: 'person', by, text: words, attachments },
      messageTo(name, { id, source: `person:${by}`, type: 'query', priority: 5, payload: { action: 'answer' }, at: clock.now() }),
    )
  }
  return {
    presence: () => presences.all(names()),
    screen: (name: string) => readScreen(deps.home, deps.spawn, name),
    async conversation(name: string, limit: number, thread?: string) {
      const place = thread ?? (await threads.main(name, clock.now())).id
      if (!isUuid(place)) return []
      return live.withText(await lastOf(store, place, limit))
    },
    threads: threads.of,
    thread: threads.get,
    async openThread(name: string, title: string, by: string) {
      if (!known.has(name)) throw unknownAgent(name)
      return threads.open(name, clean(title).trim().slice(0, longestTitle), by, clock.now())
    },
    changeThread: (id: string, { title, archived }: { readonly title?: string; readonly archived?: boolean }) =>
      isUuid(id)
        ? threads.change(id, {
            ...(title === undefined ? {} : { title: clean(title).trim().slice(0, longestTitle) }),
            ...(archived === undefined ? {} : { archived }),
          })
        : Promise.resolve(false),
    searchThreads: (name: string, words: string) => searchThreads(store, name, words),
    forgetThread: async (id: string) => (isUuid(id) ? forgetThread(store, id) : 'unknown'),
    steps: async (thread: string) => (isUuid(thread) ? stepsOf(store, thread) : []),
    subscribe: (listener: (event: AgentEvent) => void) => subscribeTo(listeners, listener),
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
          payload: { action: 'answer' },
          at: clock.now(),
        }),
      )
    },
    async stopAnswer(work: string, by: string) {
      const stopped = isUuid(work) ? await works.stop(work, by) : undefined
      if (stopped !== undefined) delivery.wake(stopped.agent)
      return stopped !== undefined
    },
    async askAgain(work: string) {
      const question = isUuid(work) ? await findUtterance(store, work) : undefined
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

export const messageTo = (target: string, { at, ...message }: NewMessage): Message => ({
  ...message,
  target,
  timestamp: at.toISOString(),
  pai: {},
})

function utteranceText(text: string, mayBeEmpty: boolean): string {
  const cleaned = clean(text).trim()
  if (cleaned === '' && !mayBeEmpty) throw new ApplianceError('invalid', 'the message is empty', { hint: 'write something' })
  if (cleaned.length > longestUtterance) {
    throw new ApplianceError('invalid', `the message has ${cleaned.length} characters, and ${longestUtterance} are allowed`)
  }
  return cleaned
}

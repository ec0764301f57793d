import type { ISql } from 'postgres'
import type { Clock } from '../os/clock.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Utterance } from './agents.ts'
import { addAskedMessage, addQuestion, type Question } from './conversations.ts'
import type { Delivery } from './delivery.ts'
import { type Message, parseMessage } from './envelope.ts'
import { addMessage } from './messages.ts'

export interface Enclosure {
  /** The question that the message carries; it has the message's id. */
  readonly question?: Question
  /** The task that it carries. */
  readonly task?: string
  /** What is committed together with it; what it throws takes everything back. */
  readonly also?: (transaction: ISql) => Promise<void>
}

/** `question` as it was kept, where there was one. */
export type Posted = { readonly added: true; readonly question: Utterance | undefined } | { readonly added: false }

/**
 * The one way onto the bus: the envelope is checked, everything that belongs to it commits, then it goes out. Not added is a
 * message that was there before, or whose task is under way in another one.
 */
export type Post = (message: Message, enclosure?: Enclosure) => Promise<Posted>

export interface PostDeps {
  readonly store: Store
  readonly clock: Clock
  readonly delivery: Pick<Delivery, 'send'>
  readonly emit: (event: AgentEvent) => void
}

export function createPost({ store, clock, delivery, emit }: PostDeps): Post {
  /** What is one statement needs no transaction around it, which would be two more ways to Postgres. */
  const commit = async (message: Message, { question, task, also }: Enclosure): Promise<Posted> => {
    const enclosed = { ...(question ? { thread: question.thread } : {}), ...(task === undefined ? {} : { task }) }
    if (also === undefined && question === undefined) return posted(await addMessage(store, message, enclosed), undefined)
    if (also === undefined && question !== undefined && task === undefined) {
      const asked = await addAskedMessage(store, message, question, clock.now())
      return posted(asked !== undefined, asked)
    }
    return store.begin(async transaction => {
      if (!(await addMessage(transaction, message, enclosed))) return { added: false }
      await also?.(transaction)
      return posted(true, question && (await addQuestion(transaction, question, clock.now())))
    })
  }
  return async (message, enclosure = {}) => {
    parseMessage(message)
    const result = await commit(message, enclosure)
    if (!result.added) return result
    if (result.question !== undefined) emit({ type: 'utterance', utterance: result.question })
    await delivery.send(message)
    return result
  }
}

const posted = (added: boolean, question: Utterance | undefined): Posted => (added ? { added, question } : { added })

import type { ISql } from 'postgres'
import type { Clock } from '../os/clock.ts'
import type { Store } from '../store/store.ts'
import type { AgentEvent, Utterance } from './agents.ts'
import { addQuestion, type Question } from './conversations.ts'
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

/**
 * The one way onto the bus: the envelope is checked, everything that belongs to it commits, then it goes out. False when
 * that message was there before, or its task is under way in another one.
 */
export type Post = (message: Message, enclosure?: Enclosure) => Promise<boolean>

export interface PostDeps {
  readonly store: Store
  readonly clock: Clock
  readonly delivery: Pick<Delivery, 'send'>
  readonly emit: (event: AgentEvent) => void
}

export function createPost({ store, clock, delivery, emit }: PostDeps): Post {
  return async (message, { question, task, also } = {}) => {
    parseMessage(message)
    let asked: Utterance | undefined
    const added = await store.begin(async transaction => {
      const enclosed = { ...(question ? { thread: question.thread } : {}), ...(task === undefined ? {} : { task }) }
      if (!(await addMessage(transaction, message, enclosed))) return false
      await also?.(transaction)
      if (question !== undefined) asked = await addQuestion(transaction, question, clock.now())
      return true
    })
    if (!added) return false
    if (asked !== undefined) emit({ type: 'utterance', utterance: asked })
    await delivery.send(message)
    return true
  }
}

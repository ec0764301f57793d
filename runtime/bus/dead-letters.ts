import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Clock } from '../os/clock.ts'
import { ApplianceError, explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Store } from '../store/store.ts'
import { clean } from './clean.ts'
import { isUuid, type Message } from './envelope.ts'
import { findMessage, settleMessage } from './messages.ts'

/** A message that could not be delivered. */
export interface DeadLetter {
  readonly id: string
  /** Whose inbox it was for. */
  readonly agent: string
  /** Undefined when it could not even be read. */
  readonly message: string | undefined
  readonly reason: string
  /** Its envelope, or what stood in the inbox instead of one. */
  readonly content: string
  /** ISO 8601. */
  readonly at: string
  readonly replayedAt: string | undefined
}

interface Row {
  id: string
  agent: string
  message: string | null
  reason: string
  content: string
  at: Date
  replayed_at: Date | null
}

const letterOf = (row: Row): DeadLetter => ({
  id: row.id,
  agent: row.agent,
  message: row.message ?? undefined,
  reason: row.reason,
  content: row.content,
  at: row.at.toISOString(),
  replayedAt: row.replayed_at?.toISOString(),
})

export interface DeadLetters {
  /** The newest first, those that were sent again as well. */
  list(limit: number): Promise<readonly DeadLetter[]>
  /** Gives up on messages of an agent, all in one transaction, and on the questions that they carried. */
  bury(agent: string, messages: readonly Message[], reason: string): Promise<readonly string[]>
  /** Lays aside what stood in an inbox and is no message. */
  layAside(agent: string, content: string): Promise<void>
  /** Opens the message again as if it had never been sent; throws `invalid` when it cannot be. */
  replay(id: string, agents: { has(name: string): boolean }): Promise<Message>
}

const longestContent = 20_000

export interface DeadLettersDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** The stream of them in Redis; may fail. */
  readonly stream: (letter: Readonly<Record<string, string>>) => Promise<void>
}

export function createDeadLetters({ store, clock, log, stream }: DeadLettersDeps): DeadLetters {
  const write = async (transaction: ISql, letter: Omit<DeadLetter, 'id' | 'at' | 'replayedAt'>) => {
    const content = clean(letter.content).slice(0, longestContent)
    await transaction`
      INSERT INTO dead_letter (id, agent, message, reason, content, at)
      VALUES (${randomUUID()}, ${letter.agent}, ${letter.message ?? null}, ${letter.reason}, ${content}, ${clock.now()})`
  }
  const tell = async (agent: string, message: string, reason: string, content: string) => {
    log.warn('message not delivered', { component: 'bus', key: agent, message, reason })
    await stream({ agent, message, reason, content: content.slice(0, longestContent) }).catch(error => {
      log.debug('dead letter only in Postgres', { component: 'bus', key: agent, error: explain(error) })
    })
  }
  return {
    async list(limit) {
      return (await store<Row[]>`SELECT * FROM dead_letter ORDER BY at DESC, id LIMIT ${limit}`).map(letterOf)
    },
    async bury(agent, messages, reason) {
      await store.begin(async transaction => {
        for (const message of messages) {
          await write(transaction, { agent, message: message.id, reason, content: JSON.stringify(message) })
          await settleMessage(transaction, message.id, clock.now())
        }
      })
      for (const message of messages) await tell(agent, message.id, reason, JSON.stringify(message))
      return messages.map(message => message.id)
    },
    async layAside(agent, content) {
      const reason = 'it is no message of the bus'
      await write(store, { agent, message: undefined, reason, content })
      await tell(agent, '', reason, content)
    },
    replay: (id, agents) => store.begin(transaction => replay(transaction, id, agents, clock.now())),
  }
}

async function replay(store: ISql, id: string, agents: { has(name: string): boolean }, at: Date): Promise<Message> {
  const [letter] = isUuid(id) ? await store<Row[]>`SELECT * FROM dead_letter WHERE id = ${id} FOR UPDATE` : []
  if (letter === undefined) throw new ApplianceError('invalid', `there is no dead letter ${id}`)
  if (letter.replayed_at !== null) throw new ApplianceError('invalid', 'it was sent again already')
  if (letter.message === null) throw new ApplianceError('invalid', 'nothing can be sent again: it could not even be read')
  if (!agents.has(letter.agent)) throw new ApplianceError('invalid', `there is no agent ${letter.agent}`)
  const opened = await store`
    UPDATE message SET settled_at = NULL, deliveries = 0 WHERE id = ${letter.message} AND settled_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM message AS other WHERE other.task = message.task AND other.settled_at IS NULL)`
  if (opened.count === 0) {
    throw new ApplianceError('invalid', 'it is under way again already', { hint: 'look at its task' })
  }
  await store`UPDATE utterance SET state = 'queued' WHERE id = ${letter.message} AND state = 'failed'`
  await store`UPDATE dead_letter SET replayed_at = ${at} WHERE id = ${id}`
  const message = await findMessage(store, letter.message)
  if (message === undefined) throw new ApplianceError('invalid', 'its message is gone')
  return message
}

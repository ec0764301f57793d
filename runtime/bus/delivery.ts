import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Message } from './envelope.ts'
import type { Inboxes } from './inboxes.ts'

/** What goes out on Redis. Nothing here fails: what cannot be sent stays in Postgres, and is sent once Redis is back. */
export interface Delivery {
  /** Opens the inbox, puts in what is open and is not there, and takes out what is settled. */
  catchUp(agent: string): Promise<void>
  /** The same, if something could not be sent meanwhile. */
  catchUpIfBehind(agent: string): void
  send(message: Message): Promise<void>
  settle(agent: string, messageId: string): Promise<void>
  /** Takes a message out, and puts it in again after a while. */
  postpone(agent: string, messageId: string): Promise<void>
  wake(agent: string): void
  stop(): Promise<void>
}

export interface DeliveryDeps {
  readonly inboxes: Inboxes
  /** The first of what an agent's inbox must hold, the most urgent before the rest. */
  readonly open: (agent: string, limit: number) => Promise<readonly Message[]>
  /** Which of these messages are open. */
  readonly stillOpen: (ids: readonly string[]) => Promise<ReadonlySet<string>>
  /** Writes down what stood in the inbox and is no message. */
  readonly unreadable: (agent: string, content: string) => Promise<void>
  readonly log: Log
}

/** Messages that one inbox holds; the others wait in Postgres until there is room. */
const mostInInbox = 2_000
/** Milliseconds that a message is away which its agent cannot work on now. */
const postponement = 30_000

/** One thing after another for each agent. */
export function createDelivery({ inboxes, open, stillOpen, unreadable, log }: DeliveryDeps): Delivery {
  const queues = new Map<string, Promise<void>>()
  const behind = new Set<string>()
  const postponed = new Map<string, Timer>()
  const inTurn = (agent: string, work: () => Promise<void>): Promise<void> => {
    const next = (queues.get(agent) ?? Promise.resolve()).then(work).catch(error => {
      behind.add(agent)
      log.debug('not delivered, Redis is away', { component: 'bus', key: agent, error: explain(error) })
    })
    queues.set(agent, next)
    return next
  }
  const bury = async (agent: string) => {
    const found = await inboxes.look(agent)
    for (const one of found.unreadable) {
      await unreadable(agent, one.content)
      await one.remove()
    }
    return found
  }
  const catchUp = (agent: string) =>
    inTurn(agent, async () => {
      behind.delete(agent)
      await inboxes.open(agent)
      const { messages, acknowledged } = await bury(agent)
      const wanted = await stillOpen([...messages])
      await inboxes.settle(
        agent,
        [...messages].filter(id => !wanted.has(id) || acknowledged.has(id)),
      )
      const waiting = await open(agent, mostInInbox)
      for (const message of waiting) if (!postponed.has(message.id)) await inboxes.put(message)
      if (waiting.length === mostInInbox) behind.add(agent)
      await inboxes.wake(agent)
    })
  const settle = (agent: string, messageId: string) => inTurn(agent, () => inboxes.settle(agent, [messageId]))
  return {
    catchUp,
    settle,
    catchUpIfBehind(agent) {
      if (behind.has(agent)) void catchUp(agent)
    },
    send: message =>
      inTurn(message.target, async () => {
        if (inboxes.size(message.target) < mostInInbox) await inboxes.put(message)
        else behind.add(message.target)
      }),
    async postpone(agent, messageId) {
      const back = () => {
        postponed.delete(messageId)
        void catchUp(agent)
      }
      clearTimeout(postponed.get(messageId))
      postponed.set(messageId, setTimeout(back, postponement))
      await settle(agent, messageId)
    },
    wake: agent => void inTurn(agent, () => inboxes.wake(agent)),
    async stop() {
      for (const timer of postponed.values()) clearTimeout(timer)
      postponed.clear()
      await Promise.allSettled(queues.values())
    },
  }
}

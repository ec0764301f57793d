import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Inboxes } from './inboxes.ts'
import type { Message } from './protocol.ts'

/** What goes out on Redis. Nothing here fails: what cannot be sent stays in Postgres, and is sent once Redis is back. */
export interface Delivery {
  /** Opens the inbox and puts in what has no answer and is not there. */
  catchUp(agent: string): Promise<void>
  /** The same, if something could not be sent meanwhile. */
  catchUpIfBehind(agent: string): void
  send(message: Message): Promise<void>
  settle(agent: string, messageId: string): Promise<void>
  wake(agent: string): void
  stop(): Promise<void>
}

/** One thing after another for each agent. */
export function createDelivery(deps: {
  readonly inboxes: Inboxes
  /** What an agent's inbox must hold. */
  readonly open: (agent: string) => Promise<readonly Message[]>
  readonly log: Log
}): Delivery {
  const { inboxes, log } = deps
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
      for (const message of await deps.open(agent)) {
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

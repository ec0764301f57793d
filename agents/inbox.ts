import { Redis } from 'ioredis'
import { type Briefing, consumerGroup, inboxOf, type Message, parseMessage, wakeChannelOf } from '../runtime/bus/protocol.ts'

/** A message that was read and not acknowledged yet. */
export interface Delivered {
  /** Its place in the stream. */
  readonly entry: string
  /** Undefined when it cannot be read; it is acknowledged and forgotten. */
  readonly message: Message | undefined
}

/** The agent's inbox in Redis. Reading throws while Redis is away. */
export interface Inbox {
  /** Messages that were delivered before and never acknowledged: those of a process that died. */
  unfinished(): Promise<readonly Delivered[]>
  next(): Promise<Delivered | undefined>
  acknowledge(entry: string): Promise<void>
  close(): void
}

export interface InboxEvents {
  /** There may be something to read. */
  readonly wake: () => void
  readonly connected: () => void
  readonly lost: (error: Error) => void
}

export function openInbox(agent: string, address: Briefing['redis'], events: InboxEvents): Inbox {
  const reader = open(address)
  const listener = open(address)
  const stream = inboxOf(address.prefix, agent)
  for (const client of [reader, listener]) client.on('error', events.lost)
  reader.on('close', () => events.lost(new Error('connection closed')))
  listener.on('message', events.wake)
  listener.on('ready', () => {
    listener.subscribe(wakeChannelOf(address.prefix, agent)).then(events.wake, events.lost)
  })
  reader.on('ready', events.connected)
  const read = async (from: '0' | '>', count: number): Promise<Delivered[]> => {
    const answer: unknown = await reader.xreadgroup('GROUP', consumerGroup, agent, 'COUNT', count, 'STREAMS', stream, from)
    return entriesOf(answer)
  }
  return {
    unfinished: () => read('0', 1_000),
    next: async () => (await read('>', 1))[0],
    async acknowledge(entry) {
      await reader.xack(stream, consumerGroup, entry)
    },
    close() {
      for (const client of [reader, listener]) {
        client.removeAllListeners()
        client.on('error', () => {})
        client.disconnect()
      }
    },
  }
}

function open({ socket, url, username, password }: Briefing['redis']): Redis {
  const options = {
    username,
    password,
    enableReadyCheck: false,
    disableClientInfo: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    commandTimeout: 5_000,
    retryStrategy: (times: number) => Math.min(100 * times, 1_000),
  }
  return socket === undefined ? new Redis(url ?? '', options) : new Redis({ ...options, path: socket })
}

/** `[[stream, [[entry, [name, value, …] | null], …]]]`, or null for nothing. */
export function entriesOf(answer: unknown): Delivered[] {
  const [, entries] = list(list(answer)[0])
  return list(entries).flatMap(item => {
    const [entry, fields] = list(item)
    return typeof entry === 'string' ? [{ entry, message: messageOf(fields) }] : []
  })
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function messageOf(fields: unknown): Message | undefined {
  const words = list(fields)
  const text = words[words.indexOf('message') + 1]
  if (typeof text !== 'string') return undefined
  try {
    return parseMessage(JSON.parse(text))
  } catch {
    return undefined
  }
}

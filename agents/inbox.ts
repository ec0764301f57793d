import { Redis } from 'ioredis'
import { consumerGroup, inboxOf, type Message, parseMessage, urgentInboxOf, wakeChannelOf } from '../runtime/bus/envelope.ts'
import type { Briefing } from '../runtime/bus/protocol.ts'

/** A message that was read and not acknowledged yet. */
export interface Delivered {
  /** Where it stands. */
  readonly entry: string
  /** Undefined when it cannot be read; it is acknowledged, and the runtime lays it aside. */
  readonly message: Message | undefined
}

/** The agent's inbox in Redis: what is urgent first, then the rest. Reading throws while Redis is away. */
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
  const streams = [urgentInboxOf(address.prefix, agent), inboxOf(address.prefix, agent)] as const
  const [urgent] = streams
  /** Read together with something urgent, and not given yet. */
  let kept: Delivered | undefined
  for (const client of [reader, listener]) client.on('error', events.lost)
  reader.on('close', () => events.lost(new Error('connection closed')))
  listener.on('message', events.wake)
  listener.on('ready', () => {
    listener.subscribe(wakeChannelOf(address.prefix, agent)).then(events.wake, events.lost)
  })
  reader.on('ready', events.connected)
  const read = async (from: '0' | '>', count: number, of: readonly string[]): Promise<Delivered[]> => {
    const places = of.map(() => from)
    const answer: unknown = await reader.xreadgroup('GROUP', consumerGroup, agent, 'COUNT', count, 'STREAMS', ...of, ...places)
    return entriesOf(answer)
  }
  return {
    async unfinished() {
      kept = undefined
      return read('0', 1_000, streams)
    },
    async next() {
      const [first, second] = await read('>', 1, kept === undefined ? streams : [urgent])
      const given = first ?? kept
      kept = first === undefined ? undefined : (second ?? kept)
      return given
    },
    async acknowledge(entry) {
      const place = entry.lastIndexOf(' ')
      await reader.xack(entry.slice(0, place), consumerGroup, entry.slice(place + 1))
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

/** `[[stream, [[entry, [name, value, …] | null], …]], …]`, or null for nothing. */
export function entriesOf(answer: unknown): Delivered[] {
  return list(answer).flatMap(part => {
    const [stream, entries] = list(part)
    return list(entries).flatMap(item => {
      const [entry, fields] = list(item)
      return typeof entry === 'string' ? [{ entry: `${String(stream)} ${entry}`, message: messageOf(fields) }] : []
    })
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

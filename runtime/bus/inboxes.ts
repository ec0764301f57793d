import { createHash, randomBytes } from 'node:crypto'
import type { ChainableCommander } from 'ioredis'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import { openRedis, type RedisAddress } from '../services/probes.ts'
import {
  consumerGroup,
  deadLettersOf,
  inboxOf,
  type Message,
  parseMessage,
  urgent,
  urgentInboxOf,
  wakeChannelOf,
} from './envelope.ts'

export interface RedisCredential {
  readonly username: string
  readonly password: string
}

/** One entry of an inbox that holds no message. */
export interface Unreadable {
  readonly content: string
  /** Takes it out. */
  remove(): Promise<void>
}

/** What stands in an inbox, those that are worked on included. */
export interface InboxContent {
  readonly messages: ReadonlySet<string>
  /** Those of them that were delivered and acknowledged: nobody will read them again. */
  readonly acknowledged: ReadonlySet<string>
  readonly unreadable: readonly Unreadable[]
}

/**
 * The way out to the agents: two streams for each, and a channel that only wakes. Postgres holds the truth, so losing all
 * of it loses nothing: whoever listens to `connected` sends again what has no answer.
 */
export interface Inboxes {
  /** The agent's own user in Redis: it reads and acknowledges its inbox and listens to its wake channel, nothing else. */
  credential(agent: string): RedisCredential
  /** Makes user, streams and groups of an agent. */
  open(agent: string): Promise<void>
  close(agent: string): Promise<void>
  look(agent: string): Promise<InboxContent>
  /** How many messages stand in the inbox, as far as this runtime knows. */
  size(agent: string): number
  /** Puts a message in, unless it is there, and wakes its agent. */
  put(message: Message): Promise<void>
  /** Takes messages out of the inbox. */
  settle(agent: string, messages: readonly string[]): Promise<void>
  wake(agent: string): Promise<void>
  /** Puts into the stream of dead letters what could not be delivered. */
  bury(letter: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

export interface InboxesDeps {
  readonly address: RedisAddress
  readonly log: Log
  /** Called each time that Redis answers again, perhaps empty. */
  readonly connected: () => void
}

/** Where a message stands. */
interface Place {
  readonly stream: string
  readonly entry: string
}

/** Entries of one stream that are looked at, and dead letters that Redis keeps. */
const mostEntries = 20_000
const mostDead = 1_000

export function createInboxes({ address, log, connected }: InboxesDeps): Inboxes {
  const redis = openRedis(address, {
    retryStrategy: times => Math.min(50 * times, 1_000),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 3_000,
  })
  const prefix = address.prefix ?? ''
  const streamsOf = (agent: string) => [urgentInboxOf(prefix, agent), inboxOf(prefix, agent)]
  const credentials = new Map<string, RedisCredential>()
  const places = new Map<string, Map<string, Place>>()
  const placesOf = (agent: string) => {
    const known = places.get(agent) ?? new Map<string, Place>()
    places.set(agent, known)
    return known
  }
  let trouble = ''
  redis.on('error', error => {
    const words = explain(error)
    if (words !== trouble) log.warn('redis unreachable', { error: words })
    trouble = words
  })
  redis.on('ready', () => {
    trouble = ''
    places.clear()
    connected()
  })
  const credential = (agent: string): RedisCredential => {
    const known = credentials.get(agent)
    if (known !== undefined) return known
    const made = { username: `${prefix}agent-${agent}`, password: randomBytes(24).toString('base64url') }
    credentials.set(agent, made)
    return made
  }
  const remove = async (found: readonly Place[]) => {
    for (const [stream, inIt] of Map.groupBy(found, place => place.stream)) {
      const entries = inIt.map(place => place.entry)
      await all(
        redis
          .pipeline()
          .xack(stream, consumerGroup, ...entries)
          .xdel(stream, ...entries),
      )
    }
  }
  const lookInto = async (agent: string, stream: string) => {
    const [entries, open, delivered] = await Promise.all([
      redis.xrange(stream, '-', '+', 'COUNT', mostEntries),
      redis.xpending(stream, consumerGroup, '-', '+', mostEntries),
      lastDelivered(await redis.xinfo('GROUPS', stream)),
    ])
    const pending = new Set(list(open).map(item => String(list(item)[0])))
    return entries.map(([entry, fields]) => ({
      place: { stream, entry },
      message: messageOf(fields, agent)?.id,
      content: JSON.stringify(fields),
      acknowledged: !pending.has(entry) && !isAfter(entry, delivered),
    }))
  }
  return {
    credential,
    async open(agent) {
      await redis.call('ACL', 'SETUSER', ...userRules(prefix, agent, credential(agent)))
      for (const stream of streamsOf(agent)) {
        await redis.xgroup('CREATE', stream, consumerGroup, '0', 'MKSTREAM').catch(error => {
          if (!explain(error).startsWith('BUSYGROUP')) throw error
        })
      }
    },
    async close(agent) {
      const { username } = credential(agent)
      credentials.delete(agent)
      places.delete(agent)
      await redis.call('ACL', 'DELUSER', username)
      await redis.del(...streamsOf(agent))
    },
    async look(agent) {
      const found = (await Promise.all(streamsOf(agent).map(stream => lookInto(agent, stream)))).flat()
      const known = placesOf(agent)
      known.clear()
      for (const { message, place } of found) if (message !== undefined) known.set(message, place)
      return {
        messages: new Set(known.keys()),
        acknowledged: new Set(found.flatMap(one => (one.acknowledged && one.message !== undefined ? [one.message] : []))),
        unreadable: found
          .filter(one => one.message === undefined)
          .map(({ content, place }) => ({ content, remove: () => remove([place]) })),
      }
    },
    size: agent => places.get(agent)?.size ?? 0,
    async put(message) {
      const known = placesOf(message.target)
      if (known.has(message.id)) return
      const stream = (message.priority >= urgent ? urgentInboxOf : inboxOf)(prefix, message.target)
      const [entry] = await all(
        redis
          .pipeline()
          .xadd(stream, '*', 'id', message.id, 'message', JSON.stringify(message))
          .publish(wakeChannelOf(prefix, message.target), ''),
      )
      if (typeof entry === 'string') known.set(message.id, { stream, entry })
    },
    async settle(agent, messages) {
      const known = placesOf(agent)
      const found = messages.flatMap(message => known.get(message) ?? [])
      if (found.length === 0) return
      await remove(found)
      for (const message of messages) known.delete(message)
    },
    async wake(agent) {
      await redis.publish(wakeChannelOf(prefix, agent), '')
    },
    async bury(letter) {
      await redis.xadd(deadLettersOf(prefix), 'MAXLEN', '~', mostDead, '*', ...Object.entries(letter).flat())
    },
    async stop() {
      redis.disconnect()
    },
  }
}

/** Arguments of ACL SETUSER; the password goes in as its hash, so that nothing that lists users shows it. */
export function userRules(prefix: string, agent: string, { username, password }: RedisCredential): string[] {
  const hash = createHash('sha256').update(password).digest('hex')
  const commands = ['+xreadgroup', '+xack', '+subscribe', '+ping', '+hello', '+auth']
  const keys = [`~${inboxOf(prefix, agent)}`, `~${urgentInboxOf(prefix, agent)}`]
  return [username, 'reset', 'on', `#${hash}`, ...keys, `&${wakeChannelOf(prefix, agent)}`, ...commands]
}

/** What every command of a pipeline gave; throws what any of them failed with. */
async function all(pipeline: ChainableCommander): Promise<readonly unknown[]> {
  const answers = (await pipeline.exec()) ?? []
  return answers.map(([error, answer]) => {
    if (error !== null) throw error
    return answer
  })
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** `last-delivered-id` of our group, from the flat answer of XINFO GROUPS. */
function lastDelivered(groups: unknown): string {
  const [group] = list(groups)
  const fields = list(group)
  return String(fields[fields.indexOf('last-delivered-id') + 1] ?? '0-0')
}

/** Whether an entry of a stream comes after another: `milliseconds-number` each. */
function isAfter(entry: string, other: string): boolean {
  const [time = 0, number = 0] = entry.split('-').map(Number)
  const [otherTime = 0, otherNumber = 0] = other.split('-').map(Number)
  return time === otherTime ? number > otherNumber : time > otherTime
}

/** The envelope in an entry of this agent's inbox, if there is one. */
function messageOf(fields: readonly string[], agent: string): Message | undefined {
  try {
    const message = parseMessage(JSON.parse(fields[fields.indexOf('message') + 1] ?? ''))
    return message.target === agent ? message : undefined
  } catch {
    return undefined
  }
}

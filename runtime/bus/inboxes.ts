import { createHash, randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import { openRedis, type RedisAddress } from '../services/probes.ts'
import { consumerGroup, inboxOf, type Message, wakeChannelOf } from './protocol.ts'

export interface RedisCredential {
  readonly username: string
  readonly password: string
}

/**
 * The way out to the agents: a stream for each, and a channel that only wakes. Postgres holds the truth, so losing all
 * of it loses nothing: whoever listens to `connected` sends again what has no answer.
 */
export interface Inboxes {
  /** The agent's own user in Redis: it reads and acknowledges its inbox and listens to its wake channel, nothing else. */
  credential(agent: string): RedisCredential
  /** Makes user, stream and group of an agent. */
  open(agent: string): Promise<void>
  close(agent: string): Promise<void>
  /** Ids of the messages that wait in the inbox, those being answered included. */
  waiting(agent: string): Promise<ReadonlySet<string>>
  put(message: Message): Promise<void>
  /** Takes an answered message out of the inbox. */
  settle(agent: string, messageId: string): Promise<void>
  wake(agent: string): Promise<void>
  stop(): Promise<void>
}

export interface InboxesDeps {
  readonly address: RedisAddress
  readonly log: Log
  /** Called each time that Redis answers again, perhaps empty. */
  readonly connected: () => void
}

export function createInboxes({ address, log, connected }: InboxesDeps): Inboxes {
  const redis = connect(address)
  const prefix = address.prefix ?? ''
  const streamOf = (agent: string) => inboxOf(prefix, agent)
  const credentials = new Map<string, RedisCredential>()
  let trouble = ''
  redis.on('error', error => {
    const words = explain(error)
    if (words !== trouble) log.warn('redis unreachable', { error: words })
    trouble = words
  })
  redis.on('ready', () => {
    trouble = ''
    connected()
  })
  const credential = (agent: string): RedisCredential => {
    const known = credentials.get(agent)
    if (known !== undefined) return known
    const made = { username: `${prefix}agent-${agent}`, password: randomBytes(24).toString('base64url') }
    credentials.set(agent, made)
    return made
  }
  const entries = async (agent: string) =>
    (await redis.xrange(streamOf(agent), '-', '+')).map(([id, fields]) => ({ id, message: fields[1] ?? '' }))
  return {
    credential,
    async open(agent) {
      await redis.call('ACL', 'SETUSER', ...userRules(prefix, agent, credential(agent)))
      await redis.xgroup('CREATE', streamOf(agent), consumerGroup, '0', 'MKSTREAM').catch(error => {
        if (!explain(error).startsWith('BUSYGROUP')) throw error
      })
    },
    async close(agent) {
      const { username } = credential(agent)
      credentials.delete(agent)
      await redis.call('ACL', 'DELUSER', username)
      await redis.del(streamOf(agent))
    },
    async waiting(agent) {
      return new Set((await entries(agent)).map(entry => entry.message))
    },
    async put(message) {
      await redis.xadd(streamOf(message.target), '*', 'id', message.id, 'message', JSON.stringify(message))
    },
    async settle(agent, messageId) {
      const done = (await entries(agent)).filter(entry => entry.message === messageId).map(entry => entry.id)
      if (done.length === 0) return
      await redis.xack(streamOf(agent), consumerGroup, ...done)
      await redis.xdel(streamOf(agent), ...done)
    },
    async wake(agent) {
      await redis.publish(wakeChannelOf(prefix, agent), '')
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
  return [username, 'reset', 'on', `#${hash}`, `~${inboxOf(prefix, agent)}`, `&${wakeChannelOf(prefix, agent)}`, ...commands]
}

function connect(address: RedisAddress): Redis {
  const options = {
    retryStrategy: (times: number) => Math.min(50 * times, 1_000),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 3_000,
  }
  return openRedis(address, options)
}

import { randomUUID } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import { openInbox } from '../agents/inbox.ts'
import type { Message } from '../runtime/bus/envelope.ts'
import { createInboxes } from '../runtime/bus/inboxes.ts'
import type { Briefing } from '../runtime/bus/protocol.ts'
import { startTestBus, type TestBus } from '../runtime/bus/testing/bus.ts'
import { silentLog } from '../runtime/os/log.ts'
import type { RedisAddress } from '../runtime/services/probes.ts'
import { ownRedis } from '../runtime/services/redis.ts'
import { type Figure, median, percentile99 } from './report.ts'

const messages = 1_000
const warmUp = 100

/**
 * One message at a time to somebody who waits for nothing else: ours from the moment that it goes out to the handler, then all
 * of it, from somebody's saying it over its commit in Postgres to the handler; BullMQ's from `add` to the processor. In turns.
 */
export async function benchMessages(): Promise<Figure> {
  await using bus = await startTestBus()
  await using published = await openPublished(bus)
  await using said = await openSaid(bus)
  await using theirs = await openTheirs(await ownRedis(bus.home))
  const times = { published: [] as number[], said: [] as number[], theirs: [] as number[] }
  for (let round = 0; round < messages + warmUp; round++) {
    const each = { published: await published.send(), theirs: await theirs.send(), said: await said.send() }
    if (round < warmUp) continue
    times.published.push(each.published)
    times.theirs.push(each.theirs)
    times.said.push(each.said)
  }
  return {
    name: 'message to an idle agent, publish to handler, p50, against BullMQ add to process on the same Redis',
    unit: '×',
    value: median(times.published) / median(times.theirs),
    bound: 1,
    better: 'lower',
    detail: {
      ...{ 'ours p50 ms': median(times.published), 'BullMQ p50 ms': median(times.theirs) },
      ...{ 'ours p99 ms': percentile99(times.published), 'BullMQ p99 ms': percentile99(times.theirs) },
      ...{ 'ours with the commit to disk before it, p50 ms': median(times.said), 'with it, p99 ms': percentile99(times.said) },
      'with it, × BullMQ, which commits nothing': median(times.said) / median(times.theirs),
    },
  }
}

interface Sender extends AsyncDisposable {
  /** Milliseconds until the handler has it. */
  send(): Promise<number>
}

/** Only the way out: the message is there already. */
async function openPublished({ home }: TestBus): Promise<Sender> {
  const connected = Promise.withResolvers<void>()
  const inboxes = createInboxes({ address: await ownRedis(home), log: silentLog, connected: connected.resolve })
  await connected.promise
  await inboxes.open('published')
  const reader = await openReader('published', { ...(await addressOf(home)), ...inboxes.credential('published') })
  return {
    async send() {
      const message = messageOf(randomUUID())
      const { milliseconds, result } = await reader.timed(() => inboxes.put(message))
      await result
      await inboxes.settle(message.target, [message.id])
      return milliseconds
    },
    async [Symbol.asyncDispose]() {
      reader.close()
      await inboxes.stop()
    },
  }
}

/** All of it: what somebody says commits with its place in the conversation, and goes out. */
async function openSaid(bus: TestBus): Promise<Sender> {
  const room = await bus.room('said')
  const briefing = await room.briefing('said')
  if (briefing === undefined) throw new Error('the agent was not declared')
  const reader = await openReader('said', briefing.redis)
  return {
    async send() {
      const { milliseconds, result } = await reader.timed(() => room.say('said', 'hello', 'ada'))
      await room.stopAnswer((await result).id, 'ada')
      return milliseconds
    },
    async [Symbol.asyncDispose]() {
      reader.close()
    },
  }
}

const addressOf = async (home: TestBus['home']) => {
  const address = await ownRedis(home)
  if (!('socket' in address)) throw new Error('the appliance’s own Redis listens on a socket')
  return { socket: address.socket, url: undefined, prefix: '' }
}

/** The inbox as an agent reads it: woken, it takes one message after the other. */
async function openReader(agent: string, address: Briefing['redis']) {
  const connected = Promise.withResolvers<void>()
  let handled = () => {}
  let reading = false
  let again = false
  const read = async () => {
    again = true
    if (reading) return
    reading = true
    while (again) {
      again = false
      for (let next = await inbox.next(); next !== undefined; next = await inbox.next()) {
        handled()
        await inbox.acknowledge(next.entry)
      }
    }
    reading = false
  }
  const wake = () => void connected.promise.then(read)
  const inbox = openInbox(agent, address, { wake, lost() {}, connected: connected.resolve })
  await connected.promise
  return {
    /** Until the handler has what the work sends. */
    async timed<T>(work: () => Promise<T>) {
      const arrival = new Promise<void>(resolve => {
        handled = resolve
      })
      const startedAt = performance.now()
      const result = work()
      await arrival
      return { milliseconds: performance.now() - startedAt, result }
    },
    close: inbox.close,
  }
}

const messageOf = (id: string): Message => ({
  ...{ id, timestamp: new Date().toISOString(), source: 'person:ada', target: 'published', type: 'query', priority: 5 },
  ...{ payload: { action: 'answer' }, pai: {} },
})

async function openTheirs(address: RedisAddress): Promise<Sender> {
  if (!('socket' in address)) throw new Error('the appliance’s own Redis listens on a socket')
  const connection = { path: address.socket, password: address.password ?? '', maxRetriesPerRequest: null }
  const handlers = new Map<string, () => void>()
  const worker = new Worker('messages', async job => handlers.get(String(job.data.id))?.(), { connection })
  const queue = new Queue('messages', { connection, defaultJobOptions: { removeOnComplete: true } })
  await Promise.all([worker.waitUntilReady(), queue.waitUntilReady()])
  return {
    async send() {
      const id = randomUUID()
      const done = Promise.withResolvers<void>()
      const completed = new Promise<void>(resolve => worker.once('completed', () => resolve()))
      handlers.set(id, done.resolve)
      const startedAt = performance.now()
      const added = queue.add('message', messageOf(id))
      await done.promise
      const milliseconds = performance.now() - startedAt
      handlers.delete(id)
      await Promise.all([added, completed])
      return milliseconds
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([worker.close(), queue.close()])
    },
  }
}

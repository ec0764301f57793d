import { randomUUID } from 'node:crypto'
import { Queue, Worker } from 'bullmq'
import { type Inbox, openInbox } from '../agents/inbox.ts'
import type { Message } from '../runtime/bus/envelope.ts'
import { createInboxes, type Inboxes } from '../runtime/bus/inboxes.ts'
import { addMessage } from '../runtime/bus/messages.ts'
import { silentLog } from '../runtime/os/log.ts'
import type { Store } from '../runtime/store/store.ts'
import { startTestStore } from '../runtime/store/testing/postgres.ts'
import { type Figure, median, percentile99 } from './report.ts'
import { type BenchRedis, startRedis } from './tasks/services.ts'

const messages = 1_000
const warmUp = 100
const agent = 'idle'

/**
 * One message at a time to somebody who waits for nothing else: ours from the moment that it goes out to the handler, and
 * besides with its commit in Postgres before; BullMQ's from `add` to the processor. Ours and theirs take turns.
 */
export async function benchMessages(): Promise<Figure> {
  await using database = await startTestStore()
  await using redis = await startRedis(database.home)
  await using ours = await openOurs(redis)
  await using theirs = await openTheirs(redis)
  const times = { publish: [] as number[], commit: [] as number[], add: [] as number[] }
  for (let round = 0; round < messages + warmUp; round++) {
    const publish = await ours.send()
    const add = await theirs.send()
    const commit = await ours.send(database.store)
    if (round < warmUp) continue
    times.publish.push(publish)
    times.add.push(add)
    times.commit.push(commit)
  }
  return {
    name: 'message to an idle agent, publish to handler, p50, against BullMQ add to process on the same Redis',
    unit: '×',
    value: median(times.publish) / median(times.add),
    bound: 1,
    better: 'lower',
    detail: {
      ...{ 'ours p50 ms': median(times.publish), 'BullMQ p50 ms': median(times.add) },
      ...{ 'ours p99 ms': percentile99(times.publish), 'BullMQ p99 ms': percentile99(times.add) },
      ...{ 'ours with the commit, p50 ms': median(times.commit), 'p99 ms': percentile99(times.commit) },
    },
  }
}

interface Sender extends AsyncDisposable {
  /** Milliseconds until the handler has it; with a store, its commit included. */
  send(store?: Store): Promise<number>
}

async function openOurs({ address, password }: BenchRedis): Promise<Sender> {
  const connected = Promise.withResolvers<void>()
  const inboxes = createInboxes({ address: { ...address, password }, log: silentLog, connected: connected.resolve })
  await connected.promise
  await inboxes.open(agent)
  const handlers = new Map<string, () => void>()
  const inbox = await openAgent(address.socket, inboxes, id => handlers.get(id)?.())
  return {
    async send(store) {
      const id = randomUUID()
      const handled = new Promise<void>(resolve => handlers.set(id, resolve))
      const startedAt = performance.now()
      const message = messageOf(id)
      if (store !== undefined) await addMessage(store, message)
      const put = inboxes.put(message)
      await handled
      const milliseconds = performance.now() - startedAt
      handlers.delete(id)
      await put
      await inboxes.settle(agent, [id])
      return milliseconds
    },
    async [Symbol.asyncDispose]() {
      inbox.close()
      await inboxes.stop()
    },
  }
}

/** The inbox as an agent reads it: woken, it takes one message after the other. */
async function openAgent(socket: string, inboxes: Inboxes, handle: (id: string) => void): Promise<Inbox> {
  const connected = Promise.withResolvers<void>()
  let reading = false
  let again = false
  const read = async () => {
    again = true
    if (reading) return
    reading = true
    while (again) {
      again = false
      for (let next = await inbox.next(); next !== undefined; next = await inbox.next()) {
        handle(next.message?.id ?? '')
        await inbox.acknowledge(next.entry)
      }
    }
    reading = false
  }
  const wake = () => void connected.promise.then(read)
  const address = { socket, url: undefined, prefix: '', ...inboxes.credential(agent) }
  const inbox = openInbox(agent, address, { wake, lost() {}, connected: connected.resolve })
  await connected.promise
  return inbox
}

const messageOf = (id: string): Message => ({
  ...{ id, timestamp: new Date().toISOString(), source: 'person:ada', target: agent, type: 'query', priority: 5 },
  ...{ payload: { action: 'answer' }, pai: {} },
})

async function openTheirs({ address, password }: BenchRedis): Promise<Sender> {
  const connection = { path: address.socket, password, maxRetriesPerRequest: null }
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

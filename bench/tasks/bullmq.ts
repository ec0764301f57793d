import { type FlowJob, FlowProducer, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { BenchRedis } from './services.ts'
import { inOrder, type Node, workers } from './shape.ts'

const queueName = 'bench'

/** Milliseconds from the first flow that is added to the last job that is completed. */
export async function runBullMq({ address, password }: BenchRedis, roots: readonly Node[]): Promise<number> {
  const connection = { path: address.socket, password, maxRetriesPerRequest: null }
  const total = roots.reduce((sum, root) => sum + inOrder(root).length, 0)
  const finished = Promise.withResolvers<void>()
  let completed = 0
  const crew = Array.from({ length: workers }, () => {
    const worker = new Worker(queueName, async () => 'done', { connection, concurrency: 1 })
    worker.on('completed', () => {
      if (++completed === total) finished.resolve()
    })
    worker.on('error', finished.reject)
    return worker
  })
  await Promise.all(crew.map(worker => worker.waitUntilReady()))
  const flows = new FlowProducer({ connection })
  await flows.waitUntilReady()
  const startedAt = performance.now()
  await Promise.all([finished.promise, ...roots.map(root => flows.add(flowOf(root)))])
  const milliseconds = performance.now() - startedAt
  await Promise.all([flows.close(), ...crew.map(worker => worker.close())])
  const redis = new Redis(connection)
  await redis.flushall()
  redis.disconnect()
  return milliseconds
}

const flowOf = (node: Node): FlowJob => ({
  ...{ name: node.name, queueName, data: { description: `do ${node.name}` } },
  children: node.needs.map(flowOf),
})

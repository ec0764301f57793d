import { openPlannedStore } from '../runtime/store/store.ts'
import { startTestStore } from '../runtime/store/testing/postgres.ts'
import { type Figure, median } from './report.ts'
import { runBullMq } from './tasks/bullmq.ts'
import { runOurs } from './tasks/ours.ts'
import { startRedis } from './tasks/services.ts'
import { chains, fans } from './tasks/shape.ts'

const rounds = 3
/** Tasks that a worker may take in one go; BullMQ has none of that. */
const batch = 8

/** Five thousand tasks in chains and fans, eight workers: the graph in a durable Postgres against flows of BullMQ. */
export async function benchTasks(): Promise<Figure> {
  await using database = await startTestStore()
  await using redis = await startRedis(database.home)
  const store = openPlannedStore({ socketFolder: database.home.postgresSockets, database: 'ai_infrastructure' })
  const roots = [...chains, ...fans]
  const times = { ours: [] as number[], batches: [] as number[], theirs: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    const mine = await runOurs(store, roots, 1)
    const batches = await runOurs(store, roots, batch)
    const theirs = await runBullMq(redis, roots)
    // The first warms both up.
    if (round === 0) continue
    times.ours.push(mine)
    times.batches.push(batches)
    times.theirs.push(theirs)
  }
  await store.end({ timeout: 2 })
  const [mine, batches, theirs] = [median(times.ours), median(times.batches), median(times.theirs)]
  return {
    name: 'tasks through the graph: 5,000 in chains and fans, eight workers, Postgres durable, against BullMQ flows',
    unit: '×',
    value: theirs / mine,
    bound: 1,
    better: 'higher',
    detail: {
      ...{ 'ours tasks/s': 5_000_000 / mine, 'BullMQ tasks/s': 5_000_000 / theirs },
      [`ours tasks/s, workers that take ${batch} at a time`]: 5_000_000 / batches,
    },
  }
}

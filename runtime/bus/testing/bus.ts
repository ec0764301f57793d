import { systemClock } from '../../os/clock.ts'
import type { Home } from '../../os/home.ts'
import { silentLog } from '../../os/log.ts'
import { spawn } from '../../os/spawn.ts'
import { openRedis } from '../../services/probes.ts'
import { ownRedis, redisService } from '../../services/redis.ts'
import type { Store } from '../../store/store.ts'
import { startTestStore } from '../../store/testing/postgres.ts'
import type { AgentsRoom } from '../agents-room.ts'
import { createAgents } from '../create-agents.ts'

/** A real Postgres and Redis in a home of their own, and runtimes on them. */
export interface TestBus extends AsyncDisposable {
  readonly home: Home
  readonly store: Store
  startRedis(): Promise<void>
  /** SIGKILL; what it held is gone. */
  killRedis(): Promise<void>
  /** The room with these agents, declared and open. */
  room(...agents: readonly string[]): Promise<AgentsRoom>
  /** A client that may do everything in Redis. */
  redis(): Promise<ReturnType<typeof openRedis>>
}

export async function startTestBus(): Promise<TestBus> {
  const database = await startTestStore()
  const { home, store } = database
  const rooms: AgentsRoom[] = []
  const clients: ReturnType<typeof openRedis>[] = []
  let server: Bun.Subprocess | undefined
  const startRedis = async () => {
    const service = redisService(home)
    await service.prepare()
    server = Bun.spawn([...service.argv], { cwd: service.cwd, env: service.env, stdout: 'ignore', stderr: 'ignore' })
    const deadline = AbortSignal.timeout(60_000)
    while (!(await service.ready(deadline))) deadline.throwIfAborted()
  }
  const killRedis = async () => {
    server?.kill('SIGKILL')
    await server?.exited
  }
  await startRedis()
  return {
    home,
    store,
    startRedis,
    killRedis,
    async room(...agents) {
      const room = createAgents({
        ...{ home, store, spawn, redis: await ownRedis(home), clock: systemClock, log: silentLog },
        claude: { apiKey: undefined, baseUrl: undefined },
      })
      rooms.push(room)
      await room.start()
      for (const name of agents) await room.declare(declarationOf(name))
      return room
    },
    async redis() {
      const client = openRedis(await ownRedis(home), {})
      client.on('error', () => {})
      clients.push(client)
      return client
    },
    async [Symbol.asyncDispose]() {
      for (const room of rooms) await room.stop()
      for (const client of clients) client.disconnect()
      await killRedis()
      await database[Symbol.asyncDispose]()
    },
  }
}

const nothing = { allow: [], deny: [], ask: [] }
const harmless = {
  ...{ read: nothing, write: nothing, net: nothing, run: nothing, env: nothing, sql: nothing, verb: nothing },
  limits: {
    ...{ max_file_size_mb: 1, max_execution_time_seconds: 1, max_download_size_mb: 1, max_memory_mb: 1 },
    ...{ max_connections: 1, rate_limit_requests_per_minute: 1 },
  },
  budgets: { task_tokens: 1_000, task_usd: 1, task_minutes: 1, day_tokens: 1_000, day_usd: 1 },
}

export const declarationOf = (name: string) => ({
  ...{
    name,
    level: 1,
    description: '',
    prompt: `You are ${name}.`,
    model: 'test',
    maxTokens: 100,
    tools: [],
    configuration: '1',
  },
  policy: harmless,
})

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type AgentsRoom, createAgents } from '../runtime/bus/create-agents.ts'
import { declarationOf, startTestBus, type TestBus } from '../runtime/bus/testing/bus.ts'
import { systemClock } from '../runtime/os/clock.ts'
import { silentLog } from '../runtime/os/log.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { ownRedis } from '../runtime/services/redis.ts'
import type { TasksRoom } from '../runtime/tasks/create-tasks.ts'
import type { NewTask } from '../runtime/tasks/task.ts'
import { createTaskRoom } from './tasks.ts'

let bus: TestBus
let agents: AgentsRoom
let tasks: TasksRoom
beforeAll(async () => {
  bus = await startTestBus()
  const { home, store } = bus
  const common = { clock: systemClock, log: silentLog }
  agents = createAgents({
    ...{ ...common, home, store, spawn, redis: await ownRedis(home), claude: { apiKey: undefined, baseUrl: undefined } },
    tasks: () => tasks,
    declared: agent => tasks.reconsider(agent),
    forgotten: agent => tasks.catchUp(agent),
  })
  tasks = createTaskRoom({ ...common, taskStore: store }, agents)
  await agents.start()
  await tasks.start()
  for (const name of ['supervisor', 'code', 'passing']) await agents.declare(declarationOf(name))
}, 60_000)
afterAll(async () => {
  await tasks.stop()
  await agents.stop()
  await bus[Symbol.asyncDispose]()
}, 60_000)

const task = (name: string, agent = 'passing', dependsOn: string[] = []): NewTask => ({
  ...{ name, agent, dependsOn, description: `Do ${name}.` },
})
const standing = async (graph: string) =>
  (await tasks.graph(graph)).map(({ name, state, reason }) => `${name} ${state}: ${reason}`)
const told = async () => (await agents.conversation('supervisor', 50)).map(({ text }) => text).join('\n')

test('what an agent that is removed had to do waits and says so, and goes on once it is declared again', async () => {
  const submitted = await tasks.submit({
    by: 'supervisor',
    tasks: [task('ready'), task('running'), task('asking'), task('first', 'code'), task('later', 'passing', ['first'])],
  })
  const [, running, asking, first] = submitted
  const graph = first?.graph ?? ''
  await tasks.claim(running?.id ?? '', 'passing')
  const claimed = await tasks.claim(asking?.id ?? '', 'passing')
  const token = claimed.outcome === 'claimed' ? claimed.claim.token : 0
  await tasks.waits(asking?.id ?? '', token, 'waits for a person')
  await agents.forget('passing')
  const gone =
    'pending: there is no agent passing any more; it goes on once agents.yaml declares it again, or cancel it and give it to another'
  expect(await standing(graph)).toEqual([
    ...['ready', 'running', 'asking'].map(name => `${name} ${gone}`),
    'first ready: ',
    'later blocked: waits for first',
  ])
  expect(await tasks.complete(asking?.id ?? '', token, 'too late')).toBe(false)
  const claim = await tasks.claim(first?.id ?? '', 'code')
  await tasks.complete(first?.id ?? '', claim.outcome === 'claimed' ? claim.claim.token : 0, 'done')
  await until(async () => (await standing(graph)).at(-1) === `later ${gone}`)
  for (const name of ['ready', 'running', 'asking', 'later']) {
    await until(async () => (await told()).includes(`The task ${name} waits: there is no agent`))
  }
  await agents.declare(declarationOf('passing'))
  await until(async () => (await standing(graph)).filter(line => line.endsWith(' ready: ')).length === 4)
}, 60_000)

async function until(check: () => Promise<boolean>): Promise<void> {
  for (const deadline = AbortSignal.timeout(60_000); !(await check()); await Bun.sleep(20)) deadline.throwIfAborted()
}

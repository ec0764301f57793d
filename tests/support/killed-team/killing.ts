import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestBus, type TestBus } from '../../../runtime/bus/testing/bus.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { openPlannedStore } from '../../../runtime/store/store.ts'
import { createTasks } from '../../../runtime/tasks/create-tasks.ts'
import { generous } from '../../../runtime/tasks/testing/room.ts'

export interface Killed {
  /** Messages without an answer, and tasks that were not completed. */
  readonly lost: number
  /** Messages and tasks whose end was taken more than once. */
  readonly doubled: number
  readonly kills: { readonly agents: number; readonly runtime: number; readonly redis: number }
  readonly milliseconds: number
}

export interface KilledOptions {
  readonly messages: number
  /** In chains of ten. */
  readonly tasks: number
  readonly agents: number
  /** Works that are done between two kills, at most: a slow machine would else kill everybody before anything is done. */
  readonly between: number
  /** Milliseconds after which what is not done counts as lost. */
  readonly patience: number
}

/** Messages that are said at the same time. */
const speakers = 16

/**
 * Says messages to agents that have tasks besides, while their processes, the runtime and Redis are killed with -9 at random:
 * each message by whoever said it again and again until it was taken, as the portal's visitors and a model's retries do.
 */
export async function workWhileKilling(options: KilledOptions): Promise<Killed> {
  await using bus = await startTestBus()
  const { home, store } = bus
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  const names = Array.from({ length: options.agents }, (_, index) => `agent${index}`)
  const files = names.map(name => join(folder, name))
  const start = (program: string, ...words: readonly string[]) =>
    Bun.spawn([process.execPath, join(import.meta.dir, program), home.root, ...words], { stdout: 'ignore', stderr: 'inherit' })
  const startRuntime = () => start('runtime.ts', names.join(','))
  const startAgent = (index: number) => start('agent.ts', names[index] ?? '', files[index] ?? '')
  await submitTasks(bus, options.tasks, names)
  let runtime = startRuntime()
  const crew = names.map((_, index) => startAgent(index))
  const messages = Array.from({ length: options.messages }, randomUUID)
  const said = sayAll(join(home.run, 'driver.sock'), messages, names)
  const kills = { agents: 0, runtime: 0, redis: 0 }
  const startedAt = performance.now()
  const late = () => performance.now() - startedAt > options.patience
  const left = async () => (await unanswered(store, messages)) + (await openTasks(store))
  try {
    for (let turn = 1; !late() && (await left()) > 0; turn++) {
      const goal = sizeOf(files) + Math.ceil(Math.random() * options.between) * bytesEach
      for (let look = 1; !late() && sizeOf(files) < goal; look++) {
        if (look % 40 === 0 && (await left()) === 0) break
        await Bun.sleep(25)
      }
      await Bun.sleep(Math.random() * 50)
      if (turn % 5 === 0) {
        kills.runtime++
        await end(runtime)
        runtime = startRuntime()
      } else if (turn % 5 === 3) {
        kills.redis++
        await bus.killRedis()
        await bus.startRedis()
      } else {
        kills.agents++
        const index = Math.floor(Math.random() * names.length)
        const agent = crew[index]
        if (agent !== undefined) await end(agent)
        crew[index] = startAgent(index)
      }
    }
    const milliseconds = performance.now() - startedAt
    if (!late()) await said
    const ends = await taken(files)
    return { lost: await left(), doubled: ends.length - new Set(ends).size, kills, milliseconds }
  } finally {
    await Promise.all([runtime, ...crew].map(end))
    await rm(folder, { recursive: true, force: true })
  }
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill('SIGKILL')
  await child.exited
}

/** A UUID in a line of its own. */
const bytesEach = 37

const sizeOf = (files: readonly string[]) => files.reduce((sum, file) => sum + Bun.file(file).size, 0)

async function submitTasks({ home }: TestBus, count: number, agents: readonly string[]): Promise<void> {
  const store = openPlannedStore({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' })
  const deps = { store, clock: systemClock, log: silentLog, random: Math.random }
  const tasks = createTasks({ ...deps, agents: () => agents, policyOf: () => generous })
  await tasks.submit({
    by: 'supervisor',
    tasks: Array.from({ length: count }, (_, index) => ({
      ...{ name: `task${index}`, description: 'work', agent: agents[index % agents.length] ?? '', maxRetries: 0 },
      dependsOn: index % 10 === 0 ? [] : [`task${index - 1}`],
    })),
  })
  await tasks.stop()
  await store.end({ timeout: 1 })
}

async function sayAll(unix: string, messages: readonly string[], agents: readonly string[]): Promise<void> {
  let next = 0
  const speak = async () => {
    for (let at = next++; at < messages.length; at = next++) {
      const body = { id: messages[at], agent: agents[at % agents.length], text: `message ${at}`, priority: at % 10 === 0 ? 8 : 5 }
      await insist(unix, JSON.stringify(body))
    }
  }
  await Promise.all(Array.from({ length: speakers }, speak))
}

async function insist(unix: string, body: string): Promise<void> {
  for (;;) {
    const answer = await fetch('http://runtime/', { unix, method: 'POST', body }).catch(() => undefined)
    if (answer?.ok) return
    await Bun.sleep(20)
  }
}

async function unanswered(store: TestBus['store'], messages: readonly string[]): Promise<number> {
  const rows = await store<{ count: number }[]>`
    SELECT count(*)::int AS count FROM utterance answer JOIN utterance question ON question.id = answer.answers
    WHERE question.by_name = 'driver' AND answer.state = 'done' AND answer.text = 'done: ' || question.text`
  return messages.length - (rows[0]?.count ?? 0)
}

async function openTasks(store: TestBus['store']): Promise<number> {
  const rows = await store<{ count: number }[]>`SELECT count(*)::int AS count FROM task WHERE state <> 'completed'`
  return rows[0]?.count ?? 0
}

/** What the runtime took from an agent as done; one that died at that moment does not know. */
async function taken(files: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8').catch(() => '')))
  return texts.flatMap(text => text.split('\n').filter(line => line !== ''))
}

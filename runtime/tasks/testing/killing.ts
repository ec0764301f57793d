import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../os/clock.ts'
import { silentLog } from '../../os/log.ts'
import { openPlannedStore } from '../../store/store.ts'
import type { TestStore } from '../../store/testing/postgres.ts'
import { createTasks } from '../create-tasks.ts'
import { generous } from './room.ts'

export interface Killed {
  /** Tasks that were not completed. */
  readonly lost: number
  /** Tasks whose result was taken more than once. */
  readonly doubled: number
  readonly kills: number
  readonly milliseconds: number
}

const workers = 8
/** Milliseconds between two kills, at most; every fourth one is of the runtime. */
const pause = 150

/** Works off that many tasks in chains of ten while runtime and agents are killed with -9 at random. */
export async function workWhileKilling({ home, store }: TestStore, count: number, patience: number): Promise<Killed> {
  const folder = await mkdtemp(join(tmpdir(), 'ai-'))
  const agents = Array.from({ length: workers }, (_, index) => `worker${index}`)
  const files = agents.map(agent => join(folder, agent))
  const unix = join(folder, 'runtime.sock')
  await add({ home, store }, count, agents)
  const start = (program: string, ...arguments_: readonly string[]) =>
    Bun.spawn([process.execPath, join(import.meta.dir, program), ...arguments_], { stdout: 'ignore', stderr: 'ignore' })
  const startRuntime = () => start('killed-runtime.ts', home.postgresSockets, unix, agents.join(','))
  const startWorker = (index: number) => start('killed-worker.ts', unix, agents[index] ?? '', files[index] ?? '')
  let runtime = startRuntime()
  const crew = agents.map((_, index) => startWorker(index))
  const startedAt = performance.now()
  let kills = 0
  try {
    while ((await open(store)) > 0 && performance.now() - startedAt < patience) {
      await Bun.sleep(Math.random() * pause)
      kills++
      if (kills % 4 === 0) {
        await end(runtime)
        runtime = startRuntime()
      } else {
        const index = Math.floor(Math.random() * workers)
        const worker = crew[index]
        if (worker !== undefined) await end(worker)
        crew[index] = startWorker(index)
      }
      // Lets the new ones get to work, or nothing would ever be done on a slow machine.
      if (kills % 8 === 0) await Bun.sleep(pause * 4)
    }
    const milliseconds = performance.now() - startedAt
    return { lost: await open(store), doubled: doubles(await accepted(files)), kills, milliseconds }
  } finally {
    await Promise.all([runtime, ...crew].map(end))
    await rm(folder, { recursive: true, force: true })
  }
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill('SIGKILL')
  await child.exited
}

async function add({ home }: Pick<TestStore, 'home' | 'store'>, count: number, agents: readonly string[]): Promise<void> {
  const store = openPlannedStore({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' })
  const clock = systemClock
  const deps = { store, clock, log: silentLog, random: Math.random, agents: () => agents, policyOf: () => generous }
  const tasks = createTasks(deps)
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

async function open(store: TestStore['store']): Promise<number> {
  const rows = await store<{ count: number }[]>`SELECT count(*)::int AS count FROM task WHERE state <> 'completed'`
  return rows[0]?.count ?? 0
}

async function accepted(files: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8').catch(() => '')))
  return texts.flatMap(text => text.split('\n').filter(line => line !== ''))
}

const doubles = (ids: readonly string[]): number => ids.length - new Set(ids).size

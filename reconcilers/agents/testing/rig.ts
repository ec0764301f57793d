import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { presets } from '../../../desired-state/documents/presets.ts'
import type { AgentDeclaration, DesiredState } from '../../../desired-state/state.ts'
import { type AgentsRoom, createAgents } from '../../../runtime/bus/create-agents.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { makeDirectory } from '../../../runtime/os/files.ts'
import { type Home, homeAt } from '../../../runtime/os/home.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { postgresService } from '../../../runtime/services/postgres.ts'
import { findPostgres } from '../../../runtime/services/postgres-program.ts'
import { ownRedis, redisService } from '../../../runtime/services/redis.ts'
import type { Service } from '../../../runtime/services/service.ts'
import { tmuxService } from '../../../runtime/services/tmux.ts'
import { capturePane, tmuxCommand } from '../../../runtime/services/tmux-commands.ts'
import { migrate, openStore, type Store } from '../../../runtime/store/store.ts'
import { placeReadyMadeDatabase } from '../../../runtime/store/testing/ready-made.ts'
import type { Change, Plan } from '../../engine/reconciler.ts'
import type { AgentSockets } from '../apply.ts'
import { readLayout } from '../observe.ts'
import type { Action } from '../plan.ts'
import { createAgentsReconciler } from '../reconciler.ts'

type ServeSocket = (path: string, name: string, agents: AgentsRoom) => Promise<() => Promise<void>>
type Claude = { readonly apiKey: string | undefined; readonly baseUrl: string | undefined }

/** Real Postgres, Redis and tmux in a home of its own, and a runtime on them that can be stopped and started. */
export interface Rig {
  readonly home: Home
  readonly store: Store
  start(name: 'redis' | 'tmux'): Promise<void>
  /** SIGKILL, as a crash would. */
  kill(name: 'redis' | 'tmux'): Promise<void>
  runtime(options?: { readonly claude?: Claude; readonly version?: string; readonly bun?: string }): Promise<Runtime>
  tmux(...command: readonly string[]): Promise<string>
  /** What a person sees in a window, without colours. */
  screen(key: string): Promise<string>
  stop(): Promise<void>
}

export interface Runtime {
  readonly agents: AgentsRoom
  readonly reconciler: ReturnType<typeof createAgentsReconciler>
  readonly steps: string[]
  readonly progress: string[]
  plan(state: DesiredState): Promise<Plan<Action>>
  /** Plans, applies everything, and plans again: what is left is given. */
  converge(state: DesiredState): Promise<Plan<Action>>
  apply(change: Change<Action>, signal?: AbortSignal): Promise<void>
  stop(): Promise<void>
}

const programFolder = join(import.meta.dir, '..', '..', '..')

export async function createRig(serve: ServeSocket): Promise<Rig> {
  const home = homeAt(await mkdtemp(join(tmpdir(), 'ag-')))
  await makeDirectory(home.run)
  await makeDirectory(home.logs)
  await placeReadyMadeDatabase(home)
  const running = new Map<string, Bun.Subprocess>()
  const services: Record<'postgres' | 'redis' | 'tmux', Service> = {
    postgres: postgresService(home, await findPostgres(home)),
    redis: redisService(home),
    tmux: tmuxService(home),
  }
  const start = async (name: 'postgres' | 'redis' | 'tmux') => {
    const service = services[name]
    await service.prepare()
    running.set(
      name,
      Bun.spawn([...service.argv], { env: service.env, cwd: service.cwd, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' }),
    )
    await until(`${name} is ready`, () => service.ready(AbortSignal.timeout(1_000)), 20_000)
  }
  const runtimes = new Set<Runtime>()
  await Promise.all([start('postgres'), start('redis'), start('tmux')])
  const store = openStore({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' })
  await migrate(store)
  const tmux = async (...command: readonly string[]) => (await spawn(tmuxCommand(home.tmuxSocket, command))).stdout
  return {
    home,
    store,
    start,
    tmux,
    async kill(name) {
      running.get(name)?.kill('SIGKILL')
      await running.get(name)?.exited
    },
    async runtime(options = {}) {
      const runtime = await startRuntime(home, store, serve, options)
      runtimes.add(runtime)
      return runtime
    },
    async screen(key) {
      const window = (await readLayout({ home, spawn })).windows.get(key)
      return window === undefined ? '' : tmux(...capturePane(window.pane, { colours: false }))
    },
    async stop() {
      for (const runtime of runtimes) await runtime.stop()
      await store.end({ timeout: 1 })
      for (const child of running.values()) child.kill('SIGKILL')
      await Promise.all([...running.values()].map(child => child.exited))
      await rm(home.root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function startRuntime(
  home: Home,
  store: Store,
  serve: ServeSocket,
  {
    claude = { apiKey: undefined, baseUrl: undefined },
    version = '1',
    bun = process.execPath,
  }: { readonly claude?: Claude; readonly version?: string; readonly bun?: string },
): Promise<Runtime> {
  const agents = createAgents({
    home,
    store,
    redis: await ownRedis(home),
    spawn,
    clock: systemClock,
    log: silentLog,
    claude,
  })
  await agents.start()
  const open = new Map<string, () => Promise<void>>()
  const sockets: AgentSockets = {
    async open(name) {
      if (!open.has(name)) open.set(name, await serve(join(home.agentSockets, `${name}.sock`), name, agents))
    },
    async close(name) {
      await open.get(name)?.()
      open.delete(name)
    },
  }
  for (const name of agents.names()) await sockets.open(name)
  const canAnswer = claude.apiKey !== undefined
  const reconciler = createAgentsReconciler({
    ...{ home, spawn, agents, sockets, program: programFolder, version, bun, clock: systemClock, canAnswer },
    monitor: ['cat'],
  })
  const steps: string[] = []
  const progress: string[] = []
  const apply = (change: Change<Action>, signal = new AbortController().signal) =>
    reconciler.apply(change, {
      signal,
      step: async name => void steps.push(name),
      progress: (key, message) => void progress.push(`${key}: ${message}`),
    })
  const plan = async (state: DesiredState) => {
    const desired = reconciler.select(state)
    return reconciler.plan(desired, await reconciler.observe(desired, new AbortController().signal))
  }
  let stopped = false
  return {
    agents,
    reconciler,
    steps,
    progress,
    plan,
    apply,
    async converge(state) {
      const { changes } = await plan(state)
      await Promise.all(changes.map(change => apply(change)))
      return plan(state)
    },
    async stop() {
      if (stopped) return
      stopped = true
      for (const close of open.values()) await close()
      await agents.stop()
    },
  }
}

/** Polls until it is so; the name says what was waited for when it never is. */
export async function until(what: string, check: () => Promise<boolean> | boolean, limit = 60_000): Promise<void> {
  const deadline = Date.now() + limit
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`waited ${limit} ms in vain until ${what}`)
    await Bun.sleep(25)
  }
}

export const agent = (name: string, change: Partial<AgentDeclaration> = {}): AgentDeclaration => ({
  name,
  level: 1,
  prompt: `agents/${name}.md`,
  promptText: `You are ${name}.`,
  policy: presets[1],
  tools: [],
  model: 'claude-test',
  description: '',
  ...change,
})

export const stateOf = (...agents: readonly AgentDeclaration[]): DesiredState => ({
  revision: '0'.repeat(40),
  agents: new Map(agents.map(declaration => [declaration.name, declaration])),
  domains: new Map(),
  settings: {
    tls: 'none',
    agent_model: 'claude-test',
    agent_max_tokens: 1_000,
    session_timeout_minutes: 60,
    search_provider: 'none',
    ...{ certificate_issuer: 'letsencrypt', certificate_issuer_ca: '', certificate_email: '', public_addresses: [] },
    secret_store: 'age',
    ...{ auto_backup_enabled: true, backup_schedule: '0 2 * * *', backup_retention_days: 30, backup_to_github: true },
    look_interval_seconds: 60,
  },
  secrets: { recipients: new Map(), values: new Map() },
  databases: new Map(),
  ...{ backups: new Map(), gitBackups: new Map() },
  dns: new Map(),
  telos: new Map(),
})

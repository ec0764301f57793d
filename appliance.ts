import { join } from 'node:path'
import { createApprovalAudit } from './composition/approval-audit.ts'
import { backupRoom } from './composition/backups.ts'
import { certificateRequests, certificateRoom } from './composition/certificates.ts'
import { createClaudeKey } from './composition/claude-key.ts'
import { createDnsAccess, dnsRoom } from './composition/dns.ts'
import { createDnsDesk } from './composition/dns-desk.ts'
import { buildDoors } from './composition/doors.ts'
import { type Ground, layGround } from './composition/ground.ts'
import { followCommits, followHappenings } from './composition/happenings.ts'
import { createHealthRoom, restingLeases } from './composition/health.ts'
import { buildPolicy } from './composition/policy.ts'
import { purgeAfterDeploy } from './composition/purge-after-deploy.ts'
import { type Mode, redisAddress, sitesDependencies } from './composition/services.ts'
import { untilSettled } from './composition/settle.ts'
import { createTaskRoom } from './composition/tasks.ts'
import { upstreamRoom } from './composition/upstream.ts'
import { watchMain } from './desired-state/git/watch.ts'
import { createAgentsReconciler } from './reconcilers/agents/reconciler.ts'
import { createAttempts } from './reconcilers/certificates/attempts.ts'
import { createRenewals } from './reconcilers/certificates/renewals.ts'
import { createRequests } from './reconcilers/certificates/requests.ts'
import { type RunningEngine, startEngine } from './reconcilers/engine/engine.ts'
import { createSignersReconciler } from './reconcilers/signers/reconciler.ts'
import { rotateNginxLogs } from './reconcilers/sites/logs.ts'
import { createSitesReconciler } from './reconcilers/sites/sites.ts'
import { type AgentsRoom, createAgents } from './runtime/bus/create-agents.ts'
import type { Environment } from './runtime/os/environment.ts'
import { explain } from './runtime/os/errors.ts'
import type { Home } from './runtime/os/home.ts'
import type { Log } from './runtime/os/log.ts'
import { spawn } from './runtime/os/spawn.ts'
import { nginxControl } from './runtime/services/nginx-process.ts'
import { applianceId } from './runtime/store/owner.ts'
import { priceOf } from './runtime/tasks/prices.ts'
import { createWorkspaces } from './runtime/workspaces/workspaces.ts'
import { createAgentSockets } from './web/door/agent-sockets.ts'
import type { Door } from './web/door/door.ts'
import { eventLine } from './web/git/lines.ts'

export interface ApplianceOptions {
  readonly environment: Environment
  /** Folder that holds main.ts. */
  readonly program: string
  /** How a person calls the command line from anywhere. */
  readonly command: string
  /** The command that clones the desired state, as it works for the person who started the appliance. */
  readonly cloneCommand: string
  readonly mode: Mode
  /** Gives up a start that is under way. */
  readonly ending: AbortSignal
  /** One line for each thing that is reached while starting. */
  readonly progress: (line: string) => void
  /** Called after every journalled step of an apply. */
  readonly onStep?: (kind: string, name: string) => void
}

export interface RunningAppliance {
  readonly firstAdminCode: string | undefined
  /** Whether there is a key for Claude, or another place to ask. */
  readonly canAnswer: boolean
  stop(): Promise<void>
}

/** Starts everything, in the order in which it depends on each other; what was started ends when the start fails. */
export async function startAppliance(options: ApplianceOptions): Promise<RunningAppliance> {
  const { environment, program, progress, command } = options
  const { home } = environment
  await using started = new AsyncDisposableStack()

  const ground = await layGround(options, started)
  let running: RunningEngine | undefined
  const { clock, log, store, repository } = ground

  const door = Promise.withResolvers<Door>()
  const sockets = createAgentSockets(home, door.promise)
  started.defer(() => sockets.stop())
  const claude = await createClaudeKey({
    ...{ environment, repository, secrets: ground.secrets, clock },
    // Agents take it over with their next heartbeat, whatever they are doing.
    changed: () => running?.wake('agent', 'the key of Claude is another'),
  })
  started.defer(() => claude.stop())
  const redis = {
    ...(await redisAddress(environment)),
    prefix: environment.redisUrl === undefined ? '' : `ai-infra:${await applianceId(store)}:`,
  }
  const agents: AgentsRoom = createAgents({
    ...{ home, store, redis, spawn, clock, log: log.with({ component: 'agents' }), claude, priceOf },
    tasks: () => restingLeases(tasks, () => wellbeing.health, clock),
    declared: agent => tasks.reconsider(agent),
    forgotten: agent => tasks.catchUp(agent),
    obstacle: async agent => (await tasks.spentBudget(agent)) || undefined,
  })
  const tasks = createTaskRoom(ground, agents)
  const wellbeing = createHealthRoom(ground, agents, tasks)
  started.defer(() => agents.stop())
  await agents.start()
  started.defer(() => tasks.stop())
  await tasks.start()
  started.defer(
    createWorkspaces({ home, agents: agents.names, tasks, spawn, clock, log: log.with({ component: 'workspaces' }) }).start(),
  )

  const version = await programVersion(program)
  const onStep = options.onStep === undefined ? {} : { onStep: options.onStep }
  const upstream = await upstreamRoom(ground, {
    ...{ home, command },
    ...onStep,
  })
  const id = await applianceId(store)
  const dnsAccess = createDnsAccess({ spawn, clock, secrets: ground.secrets, cloudflareBaseUrl: environment.cloudflareBaseUrl })
  const wake = (kind: string, reason: string) => running?.wake(kind, reason)
  const leaving = new AbortController()
  started.defer(() => leaving.abort())
  const purge = purgeAfterDeploy({
    ...{ access: dnsAccess, state: () => running?.state(), clock, log: log.with({ component: 'dns' }), random: Math.random },
    ending: leaving.signal,
  })
  const backups = await backupRoom({ environment, ground, id, engine: () => running, ...onStep })
  const requests = createRequests(store)
  const engine = await startEngine({
    repository,
    store,
    clock,
    log: log.with({ component: 'engine' }),
    random: Math.random,
    command,
    redact: ground.redact,
    approvals: createApprovalAudit(ground.audit),
    ...onStep,
    reconcilers: [
      createAgentsReconciler({
        ...{ home, spawn, agents, sockets, program, version, clock },
        get canAnswer() {
          return claude.canAnswer
        },
        get missingKey() {
          return claude.missing
        },
      }),
      createSitesReconciler({ ...sitesDependencies(environment, log), deployed: purge }),
      ...dnsRoom({ home, clock, id, access: dnsAccess, wake }),
      certificateRoom({
        ...{
          home,
          spawn,
          clock,
          attempts: createAttempts(store),
          renewals: createRenewals(store),
          requests,
          httpPort: environment.httpPort,
          httpsPort: environment.httpsPort,
        },
        providers: dnsAccess.providersOf(id),
        untilSpread: dnsAccess.untilSpread,
        wake,
        settings: () => running?.state()?.settings,
        standing: (kind, key) => running?.resource(kind, key),
      }),
      upstream.reconciler,
      createSignersReconciler(home),
      backups.reconciler,
    ],
  })
  running = engine
  const secretsChanged = (names: readonly string[]) => {
    engine.retryAll(`changed secrets: ${names.join(', ')}`)
    backups.retryAll()
    void claude.look()
  }
  started.defer(ground.secrets.subscribe(secretsChanged))
  started.defer(() => engine.stop())
  started.defer(() => backups.stop())
  await backups.start()
  const committed = await followCommits(repository, agents, ground.audit, log)
  started.defer(
    watchMain(
      home,
      () => {
        committed()
        ground.secrets.committed()
        void claude.look()
        engine.moved()
        backups.moved()
      },
      log,
    ),
  )
  engine.moved()
  upstream.start(engine, started)
  await wellbeing.start(engine, started)
  connect(engine, ground)
  const rotating = setInterval(() => void rotateLogs(home, log), 300_000)
  started.defer(() => clearInterval(rotating))

  const policy = buildPolicy(home, ground, agents, tasks)
  started.defer(followHappenings({ agents, tasks, approvals: policy.approvals, audit: ground.audit, log }))
  const doors = await buildDoors(environment, options, ground, {
    engine,
    agents,
    tasks,
    policy,
    upstream,
    backups: backups.backups,
    certificateRequests: certificateRequests({ home, spawn, clock, requests, engine }),
    dns: createDnsDesk({ home, clock, access: dnsAccess, engine }),
    ...wellbeing,
  })
  door.resolve(doors.door)
  await Promise.all(agents.names().map(name => sockets.open(name)))
  await doors.listen(started)
  progress('portal open')

  await ground.services
  await untilSettled(engine, options.ending, progress)
  const firstAdminCode = await doors.firstAdmin.code()
  const everything = started.move()
  return { firstAdminCode, canAnswer: claude.canAnswer, stop: () => everything.disposeAsync() }
}

/** A service that came back is a reason to look; what changes is told in the window `logs`. */
function connect(engine: RunningEngine, { supervisor, events }: Ground): void {
  engine.subscribe(event => {
    const line = eventLine(event)
    if (line !== undefined) events.write(line.trim())
  })
  supervisor.subscribe(({ name, state }) => {
    if (state === 'ready') engine.wake(name === 'nginx' ? 'site' : 'agent', `${name} is ready`)
  })
}

async function rotateLogs(home: Home, log: Log): Promise<void> {
  await rotateNginxLogs(home, nginxControl(home)).catch(error => log.warn('logs not rotated', { error: explain(error) }))
}

/** Changes with every version of the program. */
async function programVersion(program: string): Promise<string> {
  const description: unknown = await Bun.file(join(program, 'package.json')).json()
  const version = typeof description === 'object' && description !== null && 'version' in description ? description.version : '0'
  return `${version} ${program}`
}

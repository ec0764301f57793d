import { appendFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { removeDomain, setDomain } from './desired-state/edit-domains.ts'
import { initRepository } from './desired-state/git/init.ts'
import { createRepository } from './desired-state/git/repository.ts'
import type { DesiredState } from './desired-state/state.ts'
import { createAgentsReconciler } from './reconcilers/agents/reconciler.ts'
import { type RunningEngine, startEngine } from './reconcilers/engine/engine.ts'
import { createSitesReconciler } from './reconcilers/sites/sites.ts'
import { createAudit } from './runtime/audit/audit.ts'
import { createAgents } from './runtime/bus/create-agents.ts'
import { systemClock } from './runtime/os/clock.ts'
import type { Environment } from './runtime/os/environment.ts'
import { ApplianceError } from './runtime/os/errors.ts'
import type { Home } from './runtime/os/home.ts'
import { makeHome } from './runtime/os/home-folders.ts'
import { takeLock } from './runtime/os/lock.ts'
import { createLog } from './runtime/os/log.ts'
import { spawn } from './runtime/os/spawn.ts'
import type { Service } from './runtime/services/service.ts'
import { createSupervisor, type Supervisor } from './runtime/services/supervisor.ts'
import { migrate, openStore } from './runtime/store/store.ts'
import { createEventLog } from './runtime/telemetry/event-log.ts'
import { createRedactor } from './runtime/telemetry/redact.ts'
import {
  describeService,
  type Mode,
  outsideServices,
  ownServices,
  redisAddress,
  sitesDependencies,
  storeAddress,
} from './services.ts'
import { createAgentSocketRoutes } from './web/agent-socket/routes.ts'
import { createApiRoutes } from './web/api/routes.ts'
import { createAgentSockets } from './web/door/agent-sockets.ts'
import { json } from './web/door/answer.ts'
import { createDoor, type Door, type DoorDependencies } from './web/door/door.ts'
import { listenOnLoopback, listenOnSocket } from './web/door/listen.ts'
import { eventLine } from './web/git/lines.ts'
import { createGitRoutes } from './web/git/routes.ts'
import type { Place } from './web/portal/deps.ts'
import { renderPortalError } from './web/portal/errors.tsx'
import { createPortalRoutes } from './web/portal/routes.ts'
import { createFirstAdmin } from './web/portal/sign-in/first-admin.ts'
import { portalSecret } from './web/portal/sign-in/secret.ts'
import { createSessions } from './web/portal/sign-in/sessions.ts'

export interface ApplianceOptions {
  readonly environment: Environment
  /** Folder that holds main.ts. */
  readonly program: string
  /** How a person calls the command line from anywhere. */
  readonly command: string
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
  stop(): Promise<void>
}

/** Starts everything, in the order in which it depends on each other; what was started ends when the start fails. */
export async function startAppliance(options: ApplianceOptions): Promise<RunningAppliance> {
  const { environment, program, mode, progress, command } = options
  const { home } = environment
  const clock = systemClock
  await using started = new AsyncDisposableStack()

  await makeHome(home)
  started.defer(lockHome(home))
  const log = createLog(logWriter(home, mode, createRedactor(secretsOf(environment))))
  const events = createEventLog(join(home.logs, 'events.log'), clock, log)
  started.defer(() => events.close())

  const supervisor = createSupervisor({
    home,
    mode,
    log: log.with({ component: 'services' }),
    services: await Promise.all(ownServices(environment).map(name => describeService(name, environment, mode, log))),
    outside: outsideServices(environment),
  })
  started.defer(() => supervisor.stop())
  supervisor.subscribe(({ name, state, message }) => {
    if (state !== 'starting') progress(`${name} ${message || state}`)
    events.write(`service ${name} ${message || state}`)
  })
  const repository = createRepository(home)
  const services = supervisor.start()
  const initialised = initRepository(home)
  await Promise.all([initialised, untilReady(supervisor, 'postgres', options.ending)])

  const store = openStore(storeAddress(environment))
  started.defer(() => store.end({ timeout: 2 }))
  await migrate(store)
  const audit = createAudit(store)
  progress('journal open')

  const door = Promise.withResolvers<Door>()
  const sockets = createAgentSockets(home, door.promise)
  started.defer(() => sockets.stop())
  const claude = { apiKey: environment.anthropicApiKey, baseUrl: environment.anthropicBaseUrl }
  const agents = createAgents({
    home,
    store,
    redis: redisAddress(environment),
    spawn,
    clock,
    log: log.with({ component: 'agents' }),
    claude,
  })
  started.defer(() => agents.stop())
  await agents.start()

  const engine = await startEngine({
    repository,
    store,
    clock,
    log: log.with({ component: 'engine' }),
    random: Math.random,
    command,
    ...(options.onStep === undefined ? {} : { onStep: options.onStep }),
    reconcilers: [
      createAgentsReconciler({
        home,
        spawn,
        agents,
        sockets,
        program,
        version: await programVersion(program),
        clock,
        canAnswer: claude.apiKey !== undefined || claude.baseUrl !== undefined,
      }),
      createSitesReconciler(sitesDependencies(environment, log)),
    ],
  })
  started.defer(() => engine.stop())
  engine.subscribe(event => {
    const line = eventLine(event)
    if (line !== undefined) events.write(line.trim())
  })
  supervisor.subscribe(({ name, state }) => {
    if (state === 'ready') engine.wake(name === 'nginx' ? 'site' : 'agent', `${name} is ready`)
  })

  const place: Place = {
    hostname: hostname(),
    cloneUrl: home.repository,
    command,
    httpPort: environment.httpPort,
    httpsPort: environment.httpsPort,
  }
  const firstAdmin = createFirstAdmin(store, clock)
  const sessions = createSessions({
    store,
    secret: await portalSecret(home.keys),
    timeoutMinutes: () => engine.state()?.settings.session_timeout_minutes ?? 60,
    log: log.with({ component: 'portal' }),
  })
  const renderError: DoorDependencies['renderError'] = (status, message, request, identity) => {
    const forProgram =
      identity.kind === 'operator' || identity.kind === 'agent' || new URL(request.url).pathname.startsWith('/api/')
    return forProgram ? json({ message }, status) : renderPortalError(status, message, request, identity, place)
  }
  const opened = createDoor({
    routes: [
      ...createApiRoutes({ engine, repository, clock, services: () => supervisor.status() }),
      ...createGitRoutes({ engine, repository, clock, command }),
      ...createAgentSocketRoutes({ agents }),
      ...createPortalRoutes({
        engine,
        repository,
        agents,
        sessions,
        firstAdmin,
        editing: { set: setDomain, remove: (text, host) => removeDomain(text, host) ?? '' },
        clock,
        log: log.with({ component: 'portal' }),
        place,
      }),
    ],
    clock,
    log: log.with({ component: 'door' }),
    audit: entry => audit.record(entry),
    renderError,
  })
  door.resolve(opened)
  await Promise.all(agents.names().map(name => sockets.open(name)))
  const operator = await listenOnSocket(opened, home.apiSocket, request => ({
    kind: 'operator',
    name: request.headers.get('pusher') || 'operator',
  }))
  started.defer(() => operator.stop())
  const portal = listenOnLoopback(opened, {
    port: environment.portalPort,
    identify: sessions.identify,
    hosts: () => portalHosts(engine.state()),
    refuse: (status, message, request) => renderError(status, message, request, { kind: 'anonymous' }),
  })
  started.defer(() => portal.stop())
  progress('portal open')

  await services
  await untilSettled(engine, options.ending, progress)
  const firstAdminCode = await firstAdmin.code()
  const everything = started.move()
  return { firstAdminCode, stop: () => everything.disposeAsync() }
}

/** One runtime for each home; the kernel frees the lock however the process ends. */
function lockHome(home: Home): () => void {
  const lock = takeLock(join(home.run, 'runtime.lock'))
  if (lock.taken) return lock.release
  throw new ApplianceError(
    'invalid',
    `an appliance runs in ${home.root} already${lock.holder === undefined ? '' : `, as pid ${lock.holder}`}`,
    {
      hint: 'stop that one first, or set AI_INFRA_HOME to another folder',
    },
  )
}

/** JSON lines: to the journal of systemd, or to a file while the terminal shows the screen. */
function logWriter(home: Home, mode: Mode, redact: (text: string) => string): (line: string) => void {
  if (mode === 'systemd') return line => void process.stdout.write(redact(line))
  const path = join(home.logs, 'runtime.log')
  return line => appendFileSync(path, redact(line), { mode: 0o640 })
}

const secretsOf = (environment: Environment) => [environment.anthropicApiKey, environment.databaseUrl, environment.redisUrl]

async function untilReady(supervisor: Supervisor, name: Service['name'], ending: AbortSignal): Promise<void> {
  const ready = () =>
    supervisor
      .status()
      .some(status => status.name === name && (status.state === 'ready' || (status.state === 'outside' && status.message === '')))
  while (!ready()) {
    ending.throwIfAborted()
    await systemClock.sleep(10, ending)
  }
}

/** Milliseconds that the screen waits for what is still coming up, like the first heartbeat of an adopted agent. */
const patience = 5_000

/** The screen comes when all is as declared, or has settled and stays short of it; whatever takes longer goes on behind it. */
async function untilSettled(engine: RunningEngine, ending: AbortSignal, progress: (line: string) => void): Promise<void> {
  const head = engine.state()
  if (head === undefined) return
  try {
    await engine.settled(head.revision, AbortSignal.any([ending, AbortSignal.timeout(30_000)]))
    await untilConverged(engine, AbortSignal.any([ending, AbortSignal.timeout(patience)]))
    progress(`converged to ${head.revision.slice(0, 8)}`)
  } catch {
    const open = engine.status().resources.filter(({ state }) => state !== 'ready' && state !== 'suspended')
    for (const { state, kind, key, message } of open) progress(`${state} ${kind}/${key}: ${message}`)
  }
}

function untilConverged(engine: RunningEngine, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (engine.status().converged) finish(resolve)
    }
    const giveUp = () => finish(() => reject(signal.reason))
    const stop = engine.subscribe(look)
    const finish = (end: () => void) => {
      stop()
      signal.removeEventListener('abort', giveUp)
      end()
    }
    signal.addEventListener('abort', giveUp, { once: true })
    look()
  })
}

/** Changes with every version of the program. */
async function programVersion(program: string): Promise<string> {
  const description: unknown = await Bun.file(join(program, 'package.json')).json()
  const version =
    typeof description === 'object' && description !== null && 'version' in description ? String(description.version) : '0'
  return `${version} ${program}`
}

function portalHosts(state: DesiredState | undefined): ReadonlySet<string> {
  const domains = [...(state?.domains.values() ?? [])].filter(domain => domain.kind === 'portal')
  return new Set(domains.flatMap(domain => [domain.host, ...domain.aliases]))
}

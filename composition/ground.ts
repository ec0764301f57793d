import { join } from 'node:path'
import { createAuditNotes } from '../desired-state/git/audit-notes.ts'
import { initRepository } from '../desired-state/git/init.ts'
import { createRepository } from '../desired-state/git/repository.ts'
import type { Repository } from '../desired-state/repository.ts'
import { type Audit, createAudit } from '../runtime/audit/audit.ts'
import { type Clock, systemClock } from '../runtime/os/clock.ts'
import type { Environment } from '../runtime/os/environment.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'
import { makeHome } from '../runtime/os/home-folders.ts'
import { takeLock } from '../runtime/os/lock.ts'
import { createLog, type Log } from '../runtime/os/log.ts'
import type { Service, ServiceStatus } from '../runtime/services/service.ts'
import { createSupervisor, type Supervisor } from '../runtime/services/supervisor.ts'
import { takeDatabase } from '../runtime/store/owner.ts'
import { migrate, openPlannedStore, openStore, type Store } from '../runtime/store/store.ts'
import { createEventLog, type EventLog } from '../runtime/telemetry/event-log.ts'
import { createRedactor, hideKnown } from '../runtime/telemetry/redact.ts'
import { createRotatingFile } from '../runtime/telemetry/rotating-file.ts'
import { knownFrom, type SecretsRoom, secretsRoom } from './secrets.ts'
import { describeService, type Mode, outsideServices, ownServices, storeAddress } from './services.ts'

/** What stands before anything is kept as declared: the home, its services, the repository and the journal. */
export interface Ground {
  readonly clock: Clock
  readonly log: Log
  readonly events: EventLog
  readonly supervisor: Supervisor
  readonly repository: Repository
  readonly store: Store
  /** The same database, for the task graph. */
  readonly taskStore: Store
  /** Takes out what is secret. */
  readonly redact: (text: string) => string
  /** Takes out the values that are known to be secret, and nothing else. */
  readonly hide: (text: string) => string
  readonly audit: Audit
  readonly secrets: SecretsRoom
  /** Resolves when each service is ready or has failed once. */
  readonly services: Promise<void>
}

export interface GroundOptions {
  readonly environment: Environment
  readonly mode: Mode
  /** How a person calls the command line. */
  readonly command: string
  readonly ending: AbortSignal
  readonly progress: (line: string) => void
}

/** Lays the ground; what is to be ended is left with `started`, in the order in which it has to end. */
export async function layGround(
  { environment, mode, command, ending, progress }: GroundOptions,
  started: AsyncDisposableStack,
): Promise<Ground> {
  const { home } = environment
  const clock = systemClock
  await makeHome(home)
  started.defer(lockHome(home))
  const known = knownFrom(environment)
  const redact = createRedactor(known)
  const log = createLog(logWriter(home, mode, redact))
  const events = createEventLog(join(home.logs, 'events.log'), clock, log)

  const supervisor = createSupervisor({
    home,
    mode,
    log: log.with({ component: 'services' }),
    services: await Promise.all(ownServices(environment).map(name => describeService(name, environment, mode, log))),
    outside: outsideServices(environment),
  })
  started.defer(() => supervisor.stop())
  const told = new Map<string, string>()
  supervisor.subscribe(status => {
    const line = serviceLine(status)
    if (status.state !== 'starting' && told.get(status.name) !== line) progress(line)
    if (status.state !== 'starting') told.set(status.name, line)
    events.write(`service ${line}`)
  })
  const services = supervisor.start()
  await Promise.all([initRepository(home), untilReady(supervisor, 'postgres', ending)])

  const address = storeAddress(environment)
  // Nobody else reaches our own.
  if ('url' in address) started.defer(await takeDatabase(address, clock))
  const store = openStore(address)
  const taskStore = openPlannedStore(address)
  started.defer(async () => void (await Promise.all([store, taskStore].map(one => one.end({ timeout: 2 })))))
  await migrate(store)
  progress('journal open')
  const audit = await createAudit({
    ...{ folder: home.audit, keys: home.keys, store, clock, log: log.with({ component: 'audit' }) },
    secrets: known,
    anchors: createAuditNotes(home.repository),
  })
  started.defer(() => audit.stop())
  const repository = createRepository(home)
  const secrets = await secretsRoom({
    ...{ environment, known, repository, audit, clock, command },
    log: log.with({ component: 'secrets' }),
  })
  started.defer(() => secrets.stop())
  return {
    clock,
    log,
    events,
    supervisor,
    repository,
    store,
    taskStore,
    redact,
    hide: hideKnown(known),
    audit,
    secrets,
    services,
  }
}

const longestLine = 160

/** What a service is, or why it is not; what it said at length is in its log. */
export function serviceLine({ name, state, message }: ServiceStatus): string {
  const line = message.startsWith(`${name} `) ? message : `${name} ${message || state}`
  return line.length > longestLine ? `${line.slice(0, longestLine)} … (all of it: logs/${name}.log)` : line
}

/** One runtime for each home; the kernel frees the lock however the process ends. */
function lockHome(home: Home): () => void {
  const lock = takeLock(join(home.run, 'runtime.lock'))
  if (lock.taken) return lock.release
  const holder = lock.holder === undefined ? '' : `, as pid ${lock.holder}`
  throw new ApplianceError('invalid', `an appliance runs in ${home.root} already${holder}`, {
    hint: 'stop that one first, or set AI_INFRA_HOME to another folder',
  })
}

/** JSON lines: to the journal of systemd, or to a file while the terminal shows the screen. */
function logWriter(home: Home, mode: Mode, redact: (text: string) => string): (line: string) => void {
  if (mode === 'systemd') return line => void process.stdout.write(redact(line))
  const append = createRotatingFile(join(home.logs, 'runtime.log'))
  return line => {
    try {
      append(redact(line))
    } catch {
      // A full disk must not stop what the line is about, and there is nowhere else to say it.
    }
  }
}

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

import { hostname } from 'node:os'
import { setZone } from '../desired-state/edit-dns.ts'
import { removeDomain, setDomain } from '../desired-state/edit-domains.ts'
import { secretUses } from '../desired-state/secret-uses.ts'
import type { DesiredState } from '../desired-state/state.ts'
import type { Backups } from '../reconcilers/backups/room.ts'
import type { RunningEngine } from '../reconcilers/engine/engine.ts'
import { createTraffic } from '../reconcilers/sites/traffic.ts'
import type { AgentsRoom } from '../runtime/bus/create-agents.ts'
import { threadOfWork } from '../runtime/bus/standing.ts'
import { inheritFromTasks } from '../runtime/bus/threads.ts'
import type { Alerts } from '../runtime/health/alerts.ts'
import type { Health } from '../runtime/health/health.ts'
import type { Environment } from '../runtime/os/environment.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { createProjects } from '../runtime/projects/projects.ts'
import type { TasksRoom } from '../runtime/tasks/create-tasks.ts'
import { spentToday } from '../runtime/tasks/spending.ts'
import { certificatesOf } from '../web/agent-socket/verbs/certificates.ts'
import type { CertificateRequests } from '../web/api/certificates.ts'
import type { DnsDesk } from '../web/api/dns.ts'
import { json, text } from '../web/door/answer.ts'
import { auditEventOf } from '../web/door/audited.ts'
import { createDoor, type Door, type DoorDependencies } from '../web/door/door.ts'
import { listenOnLoopback, listenOnSocket } from '../web/door/listen.ts'
import { watchPending } from '../web/portal/approvals/pending.ts'
import { createRatings } from '../web/portal/chat/ratings.ts'
import type { PortalDeps } from '../web/portal/deps.ts'
import { renderPortalError } from '../web/portal/errors.tsx'
import { createFirstAdmin, type FirstAdmin } from '../web/portal/sign-in/first-admin.ts'
import { portalSecret } from '../web/portal/sign-in/secret.ts'
import { createSessions } from '../web/portal/sign-in/sessions.ts'
import { verifyHome } from './audit.ts'
import type { Ground } from './ground.ts'
import type { buildPolicy } from './policy.ts'
import { createRoutes } from './routes.ts'
import type { UpstreamRoom } from './upstream.ts'

export interface Doors {
  readonly door: Door
  readonly firstAdmin: FirstAdmin
  /** Opens it to the operator's socket and to browsers. */
  listen(started: AsyncDisposableStack): Promise<void>
}

/** What the routes stand on, besides the ground. */
export interface Rooms {
  readonly engine: RunningEngine
  readonly agents: AgentsRoom
  readonly tasks: TasksRoom
  readonly policy: ReturnType<typeof buildPolicy>
  readonly health: Health
  readonly alerts: Alerts
  readonly upstream: UpstreamRoom
  readonly backups: Backups
  readonly certificateRequests: CertificateRequests
  readonly dns: DnsDesk
}

/** The one door with every route of the product, and the entrances to it. */
export async function buildDoors(
  environment: Environment,
  spoken: Pick<PortalDeps['place'], 'command' | 'cloneCommand'>,
  ground: Ground,
  rooms: Rooms,
): Promise<Doors> {
  const { home } = environment
  const { engine, agents, tasks, policy, health, alerts, upstream, backups, certificateRequests, dns } = rooms
  const { command } = spoken
  const { clock, repository, store, supervisor } = ground
  const log = ground.log.with({ component: 'portal' })
  const place: PortalDeps['place'] = {
    hostname: hostname(),
    command,
    cloneCommand: spoken.cloneCommand,
    httpPort: environment.httpPort,
    httpsPort: environment.httpsPort,
  }
  const firstAdmin = createFirstAdmin(store, clock)
  const timeoutMinutes = () => engine.state()?.settings.session_timeout_minutes ?? 60
  const sessions = createSessions({ store, secret: await portalSecret(home.keys), timeoutMinutes, log })
  const editing = { set: setDomain, remove: removeDomain, setZone }
  const renderError: DoorDependencies['renderError'] = (status, message, request, identity) =>
    isHook(request)
      ? text(`${message}\n`, status)
      : isProgram(request, identity.kind)
        ? json({ message }, status)
        : renderPortalError(status, message, request, identity, place)
  const door = createDoor({
    routes: createRoutes({
      ...{ engine, health, alerts, repository, agents, sessions, firstAdmin, editing, clock, log, place, command },
      ...policy,
      ...{ letters: agents, peers: agents.peers },
      inherit: async (work, ids) => {
        const thread = await threadOfWork(store, work)
        if (thread !== undefined) await inheritFromTasks(store, thread, ids)
      },
      ...{
        backups,
        tasks,
        home,
        spawn,
        redact: ground.redact,
        hide: ground.hide,
        now: clock.now,
        projects: createProjects({ home, spawn }),
      },
      spentToday: () => spentToday(store, clock),
      ...{ ratings: createRatings(store), pending: watchPending(engine, policy.approvals) },
      ...{ upstream: upstream.desk, hooks: upstream.hooks, dns },
      audit: ground.audit,
      passwords: environment.databasePasswords,
      secrets: ground.secrets,
      secret: ground.secrets.value,
      async shareSecret(name, value, author) {
        await ground.secrets.share(name, value, author)
        engine.moved()
      },
      secretUses: () => usesIn(engine.state()),
      verifyAudit: () => verifyHome(home),
      certificates: async () => new Map((await certificatesOf(home, undefined, clock.now())).map(each => [each.domain, each])),
      certificateRequests,
      traffic: createTraffic(home, clock.now),
      services: () => supervisor.status(),
    }),
    clock,
    log: ground.log.with({ component: 'door' }),
    audit: entry => ground.audit.record(auditEventOf(entry)),
    renderError,
    redact: ground.redact,
  })
  return {
    door,
    firstAdmin,
    async listen(started) {
      const operator = await listenOnSocket(door, home.apiSocket, request => ({
        kind: 'operator',
        name: request.headers.get('pusher') || 'operator',
      }))
      started.defer(() => operator.stop())
      const portal = listenOnLoopback(door, {
        port: environment.portalPort,
        identify: sessions.identify,
        hosts: () => portalHosts(engine.state()),
        refuse: (status, message, request) => renderError(status, message, request, { kind: 'anonymous' }),
      })
      started.defer(() => portal.stop())
    },
  }
}

const usesIn = (state: DesiredState | undefined) =>
  state === undefined ? new Map<string, readonly string[]>() : secretUses(state)

/** Its caller reads the answer as it is. */
const isHook = (request: Request): boolean => /^\/(?:git|hooks)\//.test(new URL(request.url).pathname)

const isProgram = (request: Request, caller: string): boolean =>
  caller === 'operator' || caller === 'agent' || new URL(request.url).pathname.startsWith('/api/')

function portalHosts(state: DesiredState | undefined): ReadonlySet<string> {
  const domains = [...(state?.domains.values() ?? [])].filter(domain => domain.kind === 'portal')
  return new Set(domains.flatMap(domain => [domain.host, ...domain.aliases]))
}

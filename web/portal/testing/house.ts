import { setZone } from '../../../desired-state/edit-dns.ts'
import { removeDomain, setDomain } from '../../../desired-state/edit-domains.ts'
import { parseTree } from '../../../desired-state/parse.ts'
import type { ParseResult } from '../../../desired-state/state.ts'
import { systemClock } from '../../../runtime/os/clock.ts'
import { homeAt } from '../../../runtime/os/home.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import type { DaySpent } from '../../../runtime/tasks/spending.ts'
import { createDoor } from '../../door/door.ts'
import { listenOnLoopback } from '../../door/listen.ts'
import type { Identity } from '../../door/route.ts'
import { watchPending } from '../approvals/pending.ts'
import type { PortalDeps } from '../deps.ts'
import type { ServedCertificate, Visits } from '../domains/standing.ts'
import { renderPortalError } from '../errors.tsx'
import { createPortalRoutes } from '../routes.ts'
import type { FirstAdmin } from '../sign-in/first-admin.ts'
import type { Sessions } from '../sign-in/sessions.ts'
import { fakeAgents } from './fake-agents.ts'
import { fakeApprovals } from './fake-approvals.ts'
import { fakeAudit } from './fake-audit.ts'
import { fakeBackups } from './fake-backups.ts'
import { fakeDns } from './fake-dns.ts'
import { fakeAlerts, fakeHealth } from './fake-health.ts'
import { fakeRatings } from './fake-ratings.ts'
import { fakeSecrets } from './fake-secrets.ts'
import { fakeTasks } from './fake-tasks.ts'
import { fakeUpstream } from './fake-upstream.ts'
import { fakeEngine, fakeRepository } from './fakes.ts'

export const ada: Identity = { kind: 'person', id: '1', name: 'Ada Lovelace', email: 'ada@example.com', sessionToken: 'token' }

/** Sessions of one person who is always signed in, until `end`. */
export function fakeSessions(identity: Identity = ada): Sessions & { end(): void } {
  const listeners = new Set<() => void>()
  let alive = true
  return {
    identify: async () => (alive ? identity : { kind: 'anonymous' }),
    alive: async () => alive,
    signIn: async () => ({ outcome: 'refused' }),
    signOut: async () => [],
    changePassword: async () => ({ outcome: 'wrong-password' }),
    onEnded(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    end() {
      alive = false
      for (const listener of listeners) listener()
    },
  }
}

const closed: FirstAdmin = {
  code: async () => undefined,
  open: async () => false,
  redeem: async () => ({ outcome: 'closed' }),
}

export const place: PortalDeps['place'] = {
  hostname: 'atlas',
  cloneCommand: 'git clone ai-infra@atlas:desired-state.git',
  command: 'ai-infra',
  httpPort: 80,
  httpsPort: 443,
}

/** A whole portal behind the real door, on fakes that the test holds in its hands. */
export function house(changes: Partial<PortalDeps> = {}) {
  const engine = fakeEngine()
  const agents = fakeAgents()
  const repository = fakeRepository(readFiles)
  const tasks = fakeTasks()
  const approvals = fakeApprovals()
  const audit = fakeAudit()
  const backups = fakeBackups()
  const health = fakeHealth()
  const alerts = fakeAlerts()
  const spending = new Map<string, DaySpent>()
  const served = new Map<string, ServedCertificate>()
  const visits = new Map<string, Visits>()
  const sessions = fakeSessions()
  const upstream = fakeUpstream()
  const vault = fakeSecrets()
  const deps: PortalDeps = {
    engine,
    agents,
    repository,
    tasks,
    approvals,
    pending: watchPending(engine, approvals),
    health,
    alerts,
    spentToday: async () => spending,
    ratings: fakeRatings(),
    secrets: vault.secrets,
    secretUses: vault.secretUses,
    audit,
    backups,
    home: homeAt('/var/lib/ai-infra'),
    verifyAudit: async () => ({ sound: true, lines: 3, last: { sequence: 3, hash: '' }, anchor: undefined, flaws: [] }),
    sessions,
    firstAdmin: closed,
    editing: { set: setDomain, remove: removeDomain, setZone },
    certificateRequests: { open: async () => new Map(), ask: async () => {} },
    certificates: async () => served,
    traffic: async () => ({ hosts: visits, since: visits.size === 0 ? undefined : new Date() }),
    upstream,
    dns: fakeDns(),
    clock: systemClock,
    log: silentLog,
    place,
    ...changes,
  }
  const audited: string[] = []
  const door = createDoor({
    routes: createPortalRoutes(deps),
    clock: deps.clock,
    log: deps.log,
    audit: async entry => {
      audited.push(`${entry.event} ${entry.outcome}`)
    },
    renderError: (status, message, request, identity) => renderPortalError(status, message, request, identity, deps.place),
  })
  const ask = async (request: Request): Promise<Response> =>
    door.enter(request, { identity: await deps.sessions.identify(request), address: '127.0.0.1', keepOpen: () => {} })
  return {
    engine,
    agents,
    repository,
    tasks,
    approvals,
    audit,
    backups,
    health,
    alerts,
    spending,
    served,
    visits,
    sessions,
    upstream,
    vault,
    deps,
    door,
    audited,
    get: (path: string, headers: Record<string, string> = {}) => ask(new Request(`http://localhost${path}`, { headers })),
    post: (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
      ask(new Request(`http://localhost${path}`, { method: 'POST', body: new URLSearchParams(fields), headers })),
    listen: (port = 0) =>
      listenOnLoopback(door, {
        port,
        identify: deps.sessions.identify,
        hosts: () => new Set(),
        refuse: (status, message) => new Response(message, { status }),
      }),
  }
}

const readFiles = (files: ReadonlyMap<string, string>): ParseResult =>
  parseTree(
    [...files].map(([path, text]) => ({ path, mode: '100644', bytes: new TextEncoder().encode(text) })),
    '',
  )

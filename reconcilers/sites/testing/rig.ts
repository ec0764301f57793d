import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DomainDeclaration, ProxyDomain, RedirectDomain, StaticDomain } from '../../../desired-state/state.ts'
import { type Clock, systemClock } from '../../../runtime/os/clock.ts'
import { type Home, homeAt } from '../../../runtime/os/home.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { allGone, endProcesses, type ProcessFacts, processFacts, processTree } from '../../../runtime/os/process.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { freePorts } from '../../../runtime/os/testing/free-ports.ts'
import { nginxService } from '../../../runtime/services/nginx.ts'
import { nginxControl } from '../../../runtime/services/nginx-process.ts'
import type { ApplyContext, Outcome, Plan } from '../../engine/reconciler.ts'
import { createSitesReconciler, ensureConfiguration, type SitesReconciler } from '../sites.ts'
import type { SiteAction, SitesDependencies } from '../world.ts'

export type Domains = ReadonlyMap<string, DomainDeclaration>

/** A home of its own with a real nginx, for one test. */
export interface Rig {
  readonly home: Home
  readonly dependencies: SitesDependencies
  reconciler(overrides?: Partial<SitesDependencies>): SitesReconciler
  startNginx(): Promise<void>
  stopNginx(signal?: NodeJS.Signals): Promise<void>
  /** One look, one apply of what it found, and the plan of the next look. */
  converge(domains: Domains, reconciler?: SitesReconciler): Promise<Converged>
  look(domains: Domains, reconciler?: SitesReconciler): Promise<Plan<SiteAction>>
  get(host: string, path?: string, init?: RequestInit): Promise<Response>
  getTls(host: string, path?: string): Promise<string>
  close(): Promise<void>
}

export interface Converged {
  readonly first: Plan<SiteAction>
  readonly outcomes: readonly Outcome[]
  readonly second: Plan<SiteAction>
  readonly steps: readonly string[]
}

export async function createRig(overrides: Partial<SitesDependencies> = {}): Promise<Rig> {
  const home = homeAt(await mkdtemp(join(tmpdir(), 'ai-s-')))
  const [http, https, portal] = freePorts(3)
  const dependencies: SitesDependencies = {
    home,
    ports: { http: http ?? 0, https: https ?? 0, portal: portal ?? 0 },
    spawn,
    resolve: async host => (host === 'localhost' ? ['127.0.0.1'] : []),
    clock: systemClock,
    nginx: nginxControl(home),
    log: silentLog,
    ipv6: false,
    ...overrides,
  }
  const service = nginxService({
    home,
    ports: dependencies.ports,
    confinement: 'bwrap',
    configure: () => ensureConfiguration(dependencies),
  })
  const usual = createSitesReconciler(dependencies)
  let running: readonly ProcessFacts[] = []
  const signal = new AbortController().signal

  const look = async (domains: Domains, reconciler = usual) => {
    const desired = reconciler.select({ ...emptyState, domains })
    return reconciler.plan(desired, await reconciler.observe(desired, signal))
  }

  const stopNginx: Rig['stopNginx'] = async (stop = 'SIGKILL') => {
    const master = dependencies.nginx.pid()
    if (master !== undefined) process.kill(master, stop)
    if (!(await allGone(running, 5_000))) await endProcesses(running, 'SIGKILL', 2_000)
    running = []
  }

  return {
    home,
    dependencies,
    reconciler: (more = {}) => createSitesReconciler({ ...dependencies, ...more }),
    async startNginx() {
      await service.prepare()
      const child = Bun.spawn([...service.argv], {
        env: { ...service.env },
        cwd: service.cwd,
        stdout: 'ignore',
        stderr: 'pipe',
        detached: true,
      })
      await until('nginx is ready', async () => {
        if (child.exitCode !== null) throw new Error(`nginx ended: ${await new Response(child.stderr).text()}`)
        return dependencies.nginx.pid() !== undefined && (await service.ready(AbortSignal.timeout(1_000)))
      })
      const facts = processFacts(child.pid)
      running = facts === undefined ? [] : processTree(child.pid)
    },
    stopNginx,
    async converge(domains, reconciler = usual) {
      const first = await look(domains, reconciler)
      const steps: string[] = []
      const context: ApplyContext = {
        signal,
        step: async name => void steps.push(name),
        progress: () => {},
      }
      const outcomes = first.changes.length === 0 ? [] : await reconciler.applyBatch(first.changes, context)
      return { first, outcomes, second: await look(domains, reconciler), steps }
    },
    look,
    get: (host, path = '/', init = {}) =>
      fetch(`http://127.0.0.1:${dependencies.ports.http}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { ...Object.fromEntries(new Headers(init.headers)), host },
      }),
    async getTls(host, path = '/') {
      const { https: port } = dependencies.ports
      const target = `https://${host}:${port}${path}`
      const options = [
        '--silent',
        '--show-error',
        '--insecure',
        '--include',
        '--max-time',
        '5',
        '--resolve',
        `${host}:${port}:127.0.0.1`,
      ]
      const { stdout, stderr } = await spawn(['/usr/bin/curl', ...options, target])
      return stdout + stderr
    },
    async close() {
      await stopNginx()
      await rm(home.root, { recursive: true, force: true })
    },
  }
}

const emptyState = {
  revision: '',
  agents: new Map(),
  settings: {
    tls: 'none' as const,
    agent_model: '',
    agent_max_tokens: 0,
    session_timeout_minutes: 0,
    search_provider: 'none',
    ...{ certificate_issuer: 'letsencrypt', certificate_issuer_ca: '', certificate_email: '', public_addresses: [] },
    secret_store: 'age' as const,
    ...{ auto_backup_enabled: true, backup_schedule: '0 2 * * *', backup_retention_days: 30, backup_to_github: true },
    look_interval_seconds: 0,
  },
  secrets: { recipients: new Map(), values: new Map() },
  databases: new Map(),
  ...{ backups: new Map(), gitBackups: new Map() },
  dns: new Map(),
  telos: new Map(),
}

export const domains = (...all: readonly DomainDeclaration[]): Domains => new Map(all.map(domain => [domain.host, domain]))

export const staticSite = (host: string, more: Partial<StaticDomain> = {}): StaticDomain => ({
  kind: 'static',
  host,
  aliases: [],
  tls: 'none',
  root: host.split('.')[0] ?? host,
  index: ['index.html'],
  notFound: undefined,
  cacheSeconds: 3600,
  deploy: undefined,
  ...more,
})

export const proxySite = (host: string, port: number, more: Partial<ProxyDomain> = {}): ProxyDomain => ({
  kind: 'proxy',
  host,
  aliases: [],
  tls: 'none',
  upstream: { protocol: 'http', host: '127.0.0.1', port, path: '' },
  websocket: false,
  timeoutSeconds: 60,
  bodyMebibytes: 10,
  ...more,
})

export const redirectSite = (host: string, to: string, more: Partial<RedirectDomain> = {}): RedirectDomain => ({
  kind: 'redirect',
  host,
  aliases: [],
  tls: 'none',
  to,
  keepsPath: true,
  status: 308,
  ...more,
})

/** Polls for an event; fails with its name when it does not come. */
export async function until(event: string, happened: () => boolean | Promise<boolean>, patience = 60_000): Promise<void> {
  const deadline = performance.now() + patience
  while (!(await happened())) {
    if (performance.now() > deadline) throw new Error(`did not happen in ${patience} ms: ${event}`)
    await Bun.sleep(5)
  }
}

/** A clock that stands still until the test turns it; its sleep is real. */
export function turnableClock(): Clock & { turn(milliseconds: number): void } {
  let now = Date.now()
  return {
    now: () => new Date(now),
    sleep: systemClock.sleep,
    turn(milliseconds) {
      now += milliseconds
    },
  }
}

export const errorLog = (home: Home) => readFile(join(home.logs, 'nginx-error.log'), 'utf8')

class Killed extends Error {}

/** Applies what the reconciler finds and dies at the step of that number; gives its name, undefined when there is none. */
export async function dieAtStep(reconciler: SitesReconciler, wanted: Domains, number: number): Promise<string | undefined> {
  const { signal } = new AbortController()
  const plan = reconciler.plan(wanted, await reconciler.observe(wanted, signal))
  let count = 0
  let died: string | undefined
  const step = async (name: string) => {
    if (count++ !== number) return
    died = name
    throw new Killed(name)
  }
  await reconciler.applyBatch(plan.changes, { signal, step, progress: () => {} }).catch(error => {
    if (!(error instanceof Killed)) throw error
  })
  return died
}

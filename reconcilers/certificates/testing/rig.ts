import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../../../runtime/os/home.ts'
import { makeHome } from '../../../runtime/os/home-folders.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { nginxLayout } from '../../../runtime/services/nginx-layout.ts'
import { type Bind, bindProviders, startBind } from '../../dns/testing/bind.ts'
import type { ApplyContext, Plan } from '../../engine/reconciler.ts'
import { turnableClock } from '../../sites/testing/rig.ts'
import type { Attempt } from '../attempts.ts'
import { type CertificatesDependencies, createCertificatesReconciler } from '../certificates.ts'
import { ownAgent } from '../http-answers.ts'
import type { CertificateAction } from '../plan.ts'
import type { Renewal } from '../renewals.ts'
import type { CertificateRequest } from '../requests.ts'
import { type Certificates, createCertificates } from '../stored.ts'
import { declared } from './declared.ts'
import { type Pebble, startPebble } from './pebble.ts'
import { rememberedAttempts, rememberedRenewals, rememberedRequests, servingSites } from './remembered.ts'

export type CertificatesReconciler = ReturnType<typeof createCertificatesReconciler>

/** A home with a real authority and a real DNS server; whoever asks over HTTP gets the answers of certbot. No nginx. */
export interface Rig extends AsyncDisposable {
  readonly home: Home
  /** Where names are answered over HTTP. */
  readonly httpPort: number
  readonly bind: Bind
  readonly pebble: Pebble
  readonly clock: ReturnType<typeof turnableClock>
  readonly attempts: Attempt[]
  /** By id of the certificate. */
  readonly renewals: Map<string, Renewal>
  /** By host: what a person wants done. */
  readonly requests: Map<string, CertificateRequest>
  /** Hosts that were taken up by the sites. */
  readonly served: string[]
  readonly certificates: Certificates
  reconciler(overrides?: Partial<CertificatesDependencies>): CertificatesReconciler
  /** The authority that is declared; pebble's own directory. */
  directory: string
  /** What the authority waits for before it reads an answer over HTTP. */
  answering: (url: string) => Promise<void>
  /** Text of domains.yaml below `domains:`; the authority and the zone are declared as well. */
  look(domains: string, reconciler?: CertificatesReconciler): Promise<Plan<CertificateAction>>
  /** Looks, applies what it found, and looks again; a change that fails throws. */
  converge(domains: string, options?: ConvergeOptions): Promise<Converged>
}

export interface ConvergeOptions {
  readonly reconciler?: CertificatesReconciler
  readonly signal?: AbortSignal
  /** Until when what the certificates stand on is being made; they begin ahead of it. */
  readonly settled?: () => Promise<void>
  /** Called at each step; what it throws is a death there. */
  readonly step?: (name: string) => void | Promise<void>
}

export interface Converged {
  readonly steps: readonly string[]
  readonly first: Plan<CertificateAction>
  readonly second: Plan<CertificateAction>
}

export interface RigOptions {
  /** The authority looks at a name only once, where its proof is not what is tested. */
  readonly believes?: boolean
  /** A home that is there, with its clock; default: one of its own. */
  readonly within?: { readonly home: Home; readonly clock: Rig['clock'] }
}

export async function createRig({ believes = false, within }: RigOptions = {}): Promise<Rig> {
  await using made = new AsyncDisposableStack()
  const home = within?.home ?? homeAt(await mkdtemp(join(tmpdir(), 'cr-')))
  if (within === undefined) made.defer(() => rm(home.root, { recursive: true, force: true, maxRetries: 5 }))
  await makeHome(home)
  const layout = nginxLayout(home)
  const web = Bun.serve({
    ...{ port: 0, hostname: '127.0.0.1' },
    async fetch({ url, headers }) {
      if (headers.get('user-agent') !== ownAgent) await rig.answering(url)
      const file = Bun.file(join(layout.acme, new URL(url).pathname))
      return (await file.exists()) ? new Response(file) : new Response('not here', { status: 404 })
    },
  })
  made.defer(() => web.stop(true))
  const bind = made.use(await startBind(['example.com']))
  const pebble = made.use(await startPebble({ httpPort: web.port ?? 0, dnsPort: bind.port, believes }))
  await bind.byHand('update add shop.example.com. 60 A 127.0.0.1\nupdate add www.shop.example.com. 60 A 127.0.0.1')

  const clock = within?.clock ?? turnableClock()
  const attempts: Attempt[] = []
  const served: string[] = []
  const renewals = new Map<string, Renewal>()
  const requests = new Map<string, CertificateRequest>()
  const providers = bindProviders(bind)
  const dependencies: CertificatesDependencies = {
    ...{
      home,
      spawn,
      clock,
      attempts: rememberedAttempts(attempts),
      renewals: rememberedRenewals(renewals),
      requests: rememberedRequests(requests),
      providers,
      fetch,
      random: Math.random,
      resolve: async () => [],
      own: [],
      httpPort: web.port ?? 0,
      ...servingSites,
    },
    served: async ({ host }) => void served.push(host),
    withdrawn: () => {},
    issuer: () => ({ directory: rig.directory, authorities: pebble.authorities }),
  }
  const usual = createCertificatesReconciler(dependencies)
  const signal = new AbortController().signal
  const look: Rig['look'] = async (domains, reconciler = usual) => {
    const desired = reconciler.select(
      declared({ domains, directory: rig.directory, authorities: pebble.authorities, dnsPort: bind.port }),
    )
    return reconciler.plan(desired, await reconciler.observe(desired, signal))
  }
  const everything = made.move()
  const rig: Rig = {
    ...{ home, bind, pebble, clock, attempts, renewals, requests, served, look, directory: pebble.directory },
    httpPort: web.port ?? 0,
    answering: async () => {},
    certificates: createCertificates(layout, spawn, () => clock.now()),
    reconciler: (overrides = {}) => createCertificatesReconciler({ ...dependencies, ...overrides }),
    async converge(domains, { reconciler = usual, signal: stop = signal, settled, step = () => {} } = {}) {
      const steps: string[] = []
      const first = await look(domains, reconciler)
      const context: ApplyContext = {
        signal: stop,
        ...(settled === undefined ? {} : { settled }),
        progress: () => {},
        async step(name) {
          steps.push(name)
          await step(name)
        },
      }
      const hosts = Map.groupBy(first.changes, ({ key }) => key)
      await Promise.all(
        [...hosts.values()].map(async changes => {
          for (const change of changes) await reconciler.apply(change, context)
        }),
      )
      return { steps, first, second: await look(domains, reconciler) }
    },
    [Symbol.asyncDispose]: () => everything.disposeAsync(),
  }
  return rig
}

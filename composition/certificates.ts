import { X509Certificate } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import type { Settings } from '../desired-state/state.ts'
import { type CertificatesDependencies, createCertificatesReconciler } from '../reconcilers/certificates/certificates.ts'
import { presented } from '../reconcilers/certificates/handshake.ts'
import { issuerOf } from '../reconcilers/certificates/issuer.ts'
import { type CertificateItem, certificatesOf } from '../reconcilers/certificates/item.ts'
import type { CertificateRequest, Requests } from '../reconcilers/certificates/requests.ts'
import { type Certificates, createCertificates, type StoredCertificate } from '../reconcilers/certificates/stored.ts'
import type { RunningEngine } from '../reconcilers/engine/engine.ts'
import type { AnyReconciler } from '../reconcilers/engine/reconciler.ts'
import type { ResourceStatus } from '../reconcilers/engine/status.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'
import { publicAddresses } from '../runtime/os/network.ts'
import type { Spawn } from '../runtime/os/spawn.ts'
import { nginxLayout } from '../runtime/services/nginx-layout.ts'
import type { CertificateRequests } from '../web/api/certificates.ts'

type Built = 'served' | 'withdrawn' | 'issuer' | 'fetch' | 'random' | 'resolve' | 'own' | 'sites' | 'recordLacks'

export interface CertificateRoomDeps extends Omit<CertificatesDependencies, Built> {
  readonly httpsPort: number
  /** Has the engine look at a kind. */
  readonly wake: (kind: string, reason: string) => void
  /** Those that are declared; undefined before anything is. */
  readonly settings: () => Settings | undefined
  /** How a resource stands. */
  readonly standing: (kind: string, key: string) => ResourceStatus | undefined
}

/** Milliseconds until the sites have taken a new certificate up. */
const patience = 60_000

/** Certificates, and how they find their way into the sites that serve them. */
export function certificateRoom({ httpsPort, wake, settings, standing, ...deps }: CertificateRoomDeps): AnyReconciler {
  const isChanging = (host: string) => standing('site', host)?.state === 'reconciling'
  const sites: CertificatesDependencies['sites'] = {
    isChanging,
    async lacks(host, signal) {
      while (isChanging(host)) {
        signal.throwIfAborted()
        await deps.clock.sleep(20, signal)
      }
      return lackOf(standing('site', host))
    },
  }
  const recordLacks = (name: string) => {
    const records = ['A', 'AAAA'].flatMap(type => standing('site-record', `${name}/${type}`) ?? [])
    // One that is on its way to other servers of its zone is there.
    return records.find(({ state }) => state !== 'ready' && state !== 'reconciling')?.message
  }
  const served: CertificatesDependencies['served'] = async ({ host, name }, chain, signal) => {
    wake('site', `${host} has a new certificate`)
    const wanted = new Uint8Array(new X509Certificate(chain).raw)
    // The site has more to do than to serve it: whoever waits for the whole is told when that is done, too.
    const isServed = async () => isSame(await presented(name, httpsPort, signal), wanted) && !isChanging(host)
    await untilServed(host, isServed, deps.clock, signal)
  }
  const withdrawn = (host: string) => wake('site', `a certificate of ${host} was revoked`)
  const issuer = () => {
    const declared = settings()
    return declared && issuerOf(declared)
  }
  return createCertificatesReconciler({
    ...{
      ...deps,
      issuer,
      served,
      withdrawn,
      sites,
      recordLacks,
      fetch,
      random: Math.random,
      resolve: addressesOf,
      own: publicAddresses(),
    },
  })
}

/** Reasons of a site that waits and serves all the same. */
const serving: ReadonlySet<string> = new Set(['certificate', 'upstream-down', 'release-refused', 'repository-away'])

function lackOf(site: ResourceStatus | undefined): string | undefined {
  if (site === undefined) return 'nothing is known of it yet'
  return site.state === 'ready' || serving.has(site.reason) ? undefined : `it is ${site.state}: ${site.message}`
}

async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true }).catch(() => [])).map(({ address }) => address)
}

const isSame = (found: Uint8Array | undefined, wanted: Uint8Array) =>
  found !== undefined && Bun.deepEquals(new Uint8Array(found), wanted)

async function untilServed(host: string, isServed: () => Promise<boolean>, clock: Clock, signal: AbortSignal): Promise<void> {
  const until = clock.now().getTime() + patience
  while (!(await isServed())) {
    signal.throwIfAborted()
    if (clock.now().getTime() > until) {
      throw new ApplianceError('failed', `nginx does not serve the new certificate of ${host}`, { hint: `see site/${host}` })
    }
    await clock.sleep(20, signal)
  }
}

export interface CertificateRequestsDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly clock: Clock
  readonly requests: Requests
  readonly engine: Pick<RunningEngine, 'state' | 'wake'>
}

/**
 * The one for all names, or while there is none what some of them have. What is to be revoked is the newest that was given for
 * the host's own name, as one of an alias may be a copy of what another host serves.
 */
export function certificateMeant(
  certificates: Pick<Certificates, 'issued' | 'newest'>,
  item: CertificateItem,
  action: CertificateRequest['action'],
): StoredCertificate | undefined {
  const whole = certificates.issued(item, item.issuer.directory)
  const all = [...(whole === undefined ? [] : [whole]), ...certificates.newest(item).map(({ certificate }) => certificate)]
  const isOwn = ({ names }: StoredCertificate) => Number(names.has(item.host))
  return action.type === 'renew' ? all[0] : all.sort((a, b) => isOwn(b) - isOwn(a) || b.begin - a.begin)[0]
}

/** What people ask for, as the door takes it. */
export function certificateRequests({ home, spawn, clock, requests, engine }: CertificateRequestsDeps): CertificateRequests {
  const certificates = createCertificates(nginxLayout(home), spawn, () => clock.now())
  return {
    open: () => requests.open(),
    async ask(host, action, by) {
      const state = engine.state()
      const item = state && certificatesOf(state).get(host)
      if (item === undefined) {
        throw new ApplianceError('invalid', `no certificate of an authority is declared for ${host}`, {
          hint: 'the verb certificate list shows those that are',
        })
      }
      const issued = certificateMeant(certificates, item, action)
      if (issued === undefined) {
        throw new ApplianceError('invalid', `no authority has given a certificate for ${host} yet`, {
          hint: `see certificate/${host} of the verb status`,
        })
      }
      await requests.ask({ host, action, certificate: issued.id, by, at: clock.now() })
      engine.wake('certificate', `${by} asked for ${host}`)
    },
  }
}

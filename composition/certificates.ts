import { X509Certificate } from 'node:crypto'
import { type CertificatesDependencies, createCertificatesReconciler } from '../reconcilers/certificates/certificates.ts'
import { presented } from '../reconcilers/certificates/handshake.ts'
import type { AnyReconciler } from '../reconcilers/engine/reconciler.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { ApplianceError } from '../runtime/os/errors.ts'

export interface CertificateRoomDeps extends Omit<CertificatesDependencies, 'served' | 'fetch' | 'random'> {
  readonly httpsPort: number
  /** Has the engine look at a kind. */
  readonly wake: (kind: string, reason: string) => void
  /** Whether the engine is changing a site now. */
  readonly isChanging: (host: string) => boolean
}

/** Milliseconds until the sites have taken a new certificate up. */
const patience = 60_000

/** Certificates, and how they find their way into the sites that serve them. */
export function certificateRoom({ httpsPort, wake, isChanging, ...deps }: CertificateRoomDeps): AnyReconciler {
  const served: CertificatesDependencies['served'] = async (host, chain, signal) => {
    wake('site', `${host} has a new certificate`)
    const wanted = new Uint8Array(new X509Certificate(chain).raw)
    // The site has more to do than to serve it: whoever waits for the whole is told when that is done, too.
    const isServed = async () => isSame(await presented(host, httpsPort, signal), wanted) && !isChanging(host)
    await untilServed(host, isServed, deps.clock, signal)
  }
  return createCertificatesReconciler({ ...deps, served, fetch, random: Math.random })
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

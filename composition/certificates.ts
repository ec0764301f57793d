import { X509Certificate } from 'node:crypto'
import { type CertificatesDependencies, createCertificatesReconciler } from '../reconcilers/certificates/certificates.ts'
import { presented } from '../reconcilers/certificates/handshake.ts'
import type { AnyReconciler } from '../reconcilers/engine/reconciler.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { ApplianceError } from '../runtime/os/errors.ts'

export interface CertificateRoomDeps extends Omit<CertificatesDependencies, 'served'> {
  readonly httpsPort: number
  /** Has the engine look at a kind. */
  readonly wake: (kind: string, reason: string) => void
}

/** Milliseconds until the sites have taken a new certificate up. */
const patience = 60_000

/** Certificates, and how they find their way into the sites that serve them. */
export function certificateRoom({ httpsPort, wake, ...deps }: CertificateRoomDeps): AnyReconciler {
  const served: CertificatesDependencies['served'] = async (host, chain, signal) => {
    wake('site', `${host} has a new certificate`)
    await untilPresented(host, httpsPort, new X509Certificate(chain).raw, deps.clock, signal)
  }
  return createCertificatesReconciler({ ...deps, served })
}

async function untilPresented(host: string, port: number, wanted: Uint8Array, clock: Clock, signal: AbortSignal): Promise<void> {
  const until = clock.now().getTime() + patience
  for (;;) {
    const found = await presented(host, port, signal)
    if (found !== undefined && Bun.deepEquals(new Uint8Array(found), new Uint8Array(wanted))) return
    signal.throwIfAborted()
    if (clock.now().getTime() > until) break
    await clock.sleep(100, signal)
  }
  throw new ApplianceError('failed', `nginx does not serve the new certificate of ${host}`, { hint: `see site/${host}` })
}

import { isInner } from '../../desired-state/documents/provable.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { CertificateItem } from './item.ts'

export interface ReachDeps {
  /** Addresses of a name as this machine sees them; none where it has none. */
  readonly resolve: (name: string) => Promise<readonly string[]>
  /** Addresses of this machine that the internet can reach. */
  readonly own: readonly string[]
}

/**
 * Throws `waiting` where an authority of the internet would look for an answer over HTTP in vain: it counts such tries, and
 * takes only so many of them.
 */
export async function needReach({ resolve, own }: ReachDeps, { host, proof, issuer }: CertificateItem): Promise<void> {
  if (proof.type !== 'http' || proof.fromOutside === undefined) return
  const { derived, elsewhere } = proof.fromOutside
  const authority = new URL(issuer.directory).hostname
  const waiting = (message: string, hint: string) =>
    new ApplianceError('waiting', message, { subject: `certificate/${host}`, hint })
  const [first] = derived
  if (first !== undefined && own.length === 0) {
    const hint = 'write those that the world reaches it by into public_addresses of settings.yaml, or challenge: dns'
    throw waiting(`this machine has no public address that ${first} could lead to, so ${authority} is not asked`, hint)
  }
  for (const name of elsewhere) {
    const addresses = await resolve(name)
    if (addresses.length === 0) {
      throw waiting(`${name} has no address in DNS, so ${authority} is not asked`, 'point the name to this server')
    }
    if (addresses.every(isInner)) {
      const hint =
        'write challenge: dns; or, where the internet sees another address than this machine does, that one into public_addresses of settings.yaml'
      throw waiting(`${name} leads to ${addresses.join(', ')}, where ${authority} cannot reach it, so it is not asked`, hint)
    }
  }
}

import { isInner } from '../../desired-state/documents/provable.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { type CertificateItem, namesOf } from './item.ts'

export interface ReachDeps {
  /** Addresses of a name as this machine sees them; none where it has none. */
  readonly resolve: (name: string) => Promise<readonly string[]>
  /** Addresses of this machine that the internet can reach. */
  readonly own: readonly string[]
  /** What is wrong with a record of ours that leads a name to this server; undefined when it is there, or nobody wants one. */
  readonly recordLacks: (name: string) => string | undefined
}

/**
 * Throws `waiting` where an authority of the internet would look for an answer over HTTP in vain: it counts such tries, and
 * takes only so many of them.
 */
export async function needReach({ resolve, own }: Pick<ReachDeps, 'resolve' | 'own'>, item: CertificateItem): Promise<void> {
  const { host, proof, issuer } = item
  if (proof.type !== 'http' || proof.fromOutside === undefined) return
  const names = namesOf(item)
  const asked = (some: readonly string[]) => some.filter(name => names.includes(name))
  const [derived, elsewhere] = [asked(proof.fromOutside.derived), asked(proof.fromOutside.elsewhere)]
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

/** Throws `waiting` where a record of ours is not there, and the name leads nowhere without it either. */
export async function needRecords(
  { resolve, recordLacks }: Pick<ReachDeps, 'resolve' | 'recordLacks'>,
  item: CertificateItem,
): Promise<void> {
  for (const name of namesOf(item)) {
    const lack = recordLacks(name)
    if (lack === undefined || (await resolve(name)).length > 0) continue
    const authority = new URL(item.issuer.directory).hostname
    throw new ApplianceError('waiting', `the record of ${name} is not there, so ${authority} is not asked: ${lack}`, {
      ...{ subject: `certificate/${item.host}`, hint: `see site-record/${name}` },
    })
  }
}

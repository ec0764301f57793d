import { lookup } from 'node:dns/promises'
import { join } from 'node:path'
import type { DesiredState } from '../desired-state/state.ts'
import { createDnsReconciler } from '../reconcilers/dns/dns.ts'
import { declaredRecords, siteRecords } from '../reconcilers/dns/item.ts'
import type { Providers } from '../reconcilers/dns/provider.ts'
import { createRfc2136 } from '../reconcilers/dns/rfc2136.ts'
import type { AnyReconciler } from '../reconcilers/engine/reconciler.ts'
import type { Clock } from '../runtime/os/clock.ts'
import type { Home } from '../runtime/os/home.ts'
import { publicAddresses } from '../runtime/os/network.ts'
import type { Spawn } from '../runtime/os/spawn.ts'
import type { Secrets } from '../runtime/secrets/secrets.ts'

export interface DnsRoomDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly clock: Clock
  /** Of this appliance; its records carry it. */
  readonly id: string
  readonly secrets: Pick<Secrets, 'value'>
}

/** The servers of dns.yaml, as whoever marks records with this owner reaches them. */
export const dnsProviders =
  ({ spawn, secrets }: Pick<DnsRoomDeps, 'spawn' | 'secrets'>, owner: string): Providers =>
  declared =>
    createRfc2136(declared, {
      ...{ spawn, owner, resolve: addressesOf },
      secret: () => secrets.value(declared.secret, `dns provider ${declared.name}`),
    })

async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}

/** Records that dns.yaml declares, and those that follow from the sites: each kind touches only its own. */
export function dnsRoom(deps: DnsRoomDeps): readonly AnyReconciler[] {
  const { home, clock, id } = deps
  const own = publicAddresses()
  const room = (kind: 'dns-record' | 'site-record', owner: string) => ({
    ...{ kind, clock, snapshots: join(home.root, 'dns') },
    providers: dnsProviders(deps, owner),
  })
  return [
    createDnsReconciler({ ...room('dns-record', id), select: declaredRecords }),
    createDnsReconciler({
      ...room('site-record', `${id}-sites`),
      follows: 'site',
      select: (state: DesiredState) => siteRecords(state, own),
    }),
  ]
}

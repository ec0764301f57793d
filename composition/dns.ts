import { join } from 'node:path'
import type { DesiredState } from '../desired-state/state.ts'
import { createDnsReconciler } from '../reconcilers/dns/dns.ts'
import { declaredRecords, siteRecords } from '../reconcilers/dns/item.ts'
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

/** Records that dns.yaml declares, and those that follow from the sites: each kind touches only its own. */
export function dnsRoom({ home, spawn, clock, id, secrets }: DnsRoomDeps): readonly AnyReconciler[] {
  const own = publicAddresses()
  const room = (kind: 'dns-record' | 'site-record', owner: string) => ({
    ...{ kind, clock, snapshots: join(home.root, 'dns') },
    providers: (declared: Parameters<typeof createRfc2136>[0]) =>
      createRfc2136(declared, { spawn, owner, secret: () => secrets.value(declared.secret, `dns provider ${declared.name}`) }),
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

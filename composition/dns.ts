import { lookup } from 'node:dns/promises'
import { join } from 'node:path'
import type { CloudflareProvider, DesiredState } from '../desired-state/state.ts'
import { type CloudflareAccount, createAccount } from '../reconcilers/dns/cloudflare/api.ts'
import { createCloudflare } from '../reconcilers/dns/cloudflare/provider.ts'
import { createDnsReconciler } from '../reconcilers/dns/dns.ts'
import { declaredRecords, siteRecords } from '../reconcilers/dns/item.ts'
import { createKeptZones } from '../reconcilers/dns/kept-zones.ts'
import type { Providers } from '../reconcilers/dns/provider.ts'
import { createRfc2136 } from '../reconcilers/dns/rfc2136.ts'
import type { AnyReconciler } from '../reconcilers/engine/reconciler.ts'
import type { Clock } from '../runtime/os/clock.ts'
import type { Home } from '../runtime/os/home.ts'
import { publicAddresses } from '../runtime/os/network.ts'
import type { Spawn } from '../runtime/os/spawn.ts'
import type { Secrets } from '../runtime/secrets/secrets.ts'

export interface DnsAccessDeps {
  readonly spawn: Spawn
  readonly clock: Clock
  readonly secrets: Pick<Secrets, 'value'>
  readonly cloudflareBaseUrl: string | undefined
}

/** The servers of dns.yaml, as whoever marks records with an owner reaches them. */
export type DnsAccess = (owner: string) => Providers

/** One for everything that speaks with them, so that all are quiet when Cloudflare asks one to be. */
export function createDnsAccess({ spawn, clock, secrets, cloudflareBaseUrl }: DnsAccessDeps): DnsAccess {
  const accounts = new Map<string, CloudflareAccount>()
  const accountOf = ({ token, api_key, email, account_id }: CloudflareProvider) => {
    const key = JSON.stringify([token, api_key, email, account_id])
    const account = accounts.get(key) ?? createAccount()
    accounts.set(key, account)
    return account
  }
  return owner => declared => {
    const secret = (reference: string) => secrets.value(reference, `dns provider ${declared.name}`)
    if (declared.type === 'rfc2136')
      return createRfc2136(declared, { spawn, owner, resolve: addressesOf, secret: () => secret(declared.secret) })
    return createCloudflare(declared, { secret, clock, owner, baseUrl: cloudflareBaseUrl, account: accountOf(declared) })
  }
}

async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}

export interface DnsRoomDeps {
  readonly home: Home
  readonly clock: Clock
  /** Of this appliance; its records carry it. */
  readonly id: string
  readonly access: DnsAccess
  /** Has the engine look at a kind. */
  readonly wake: (kind: string, reason: string) => void
}

/** Records that dns.yaml declares, and those that follow from the sites: each kind touches only its own. */
export function dnsRoom({ home, clock, id, access, wake }: DnsRoomDeps): readonly AnyReconciler[] {
  const own = publicAddresses()
  const snapshots = join(home.root, 'dns')
  const room = (kind: 'dns-record' | 'site-record', owner: string) => ({
    ...{ kind, clock, snapshots, kept: createKeptZones(snapshots, kind), providers: access(owner) },
  })
  return [
    createDnsReconciler({
      ...room('dns-record', id),
      select: declaredRecords,
      created: () => wake('site-record', 'a zone was made'),
    }),
    createDnsReconciler({
      ...room('site-record', `${id}-sites`),
      follows: 'site',
      select: (state: DesiredState) => siteRecords(state, own),
    }),
  ]
}

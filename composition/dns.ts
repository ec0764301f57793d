import { lookup } from 'node:dns/promises'
import { join } from 'node:path'
import type { CloudflareProvider, DesiredState, DnsProvider } from '../desired-state/state.ts'
import { atMost } from '../reconcilers/dns/at-most.ts'
import { type CloudflareAccount, type CloudflareDeps, createAccount } from '../reconcilers/dns/cloudflare/api.ts'
import { createCloudflare } from '../reconcilers/dns/cloudflare/provider.ts'
import { createKeptSettings } from '../reconcilers/dns/cloudflare/settings/kept.ts'
import { createCloudflareSettings } from '../reconcilers/dns/cloudflare/settings/settings.ts'
import { createDnsReconciler } from '../reconcilers/dns/dns.ts'
import { declaredRecords, siteRecords } from '../reconcilers/dns/item.ts'
import { createKeptZones } from '../reconcilers/dns/kept-zones.ts'
import { createPropagation, type Propagation } from '../reconcilers/dns/propagation.ts'
import type { Providers } from '../reconcilers/dns/provider.ts'
import { createRfc2136 } from '../reconcilers/dns/rfc2136.ts'
import type { AnyReconciler, Look } from '../reconcilers/engine/reconciler.ts'
import type { Clock } from '../runtime/os/clock.ts'
import type { Home } from '../runtime/os/home.ts'
import { publicAddresses } from '../runtime/os/network.ts'
import type { Spawn } from '../runtime/os/spawn.ts'
import { type Place, place, placeOfUrl } from '../runtime/secrets/place.ts'
import type { Secrets } from '../runtime/secrets/secrets.ts'

export interface DnsAccessDeps {
  readonly spawn: Spawn
  readonly clock: Clock
  readonly secrets: Pick<Secrets, 'value' | 'preview'>
  readonly cloudflareBaseUrl: string | undefined
}

/** The servers of dns.yaml. */
export interface DnsAccess {
  /** As whoever marks records with this owner reaches them. */
  readonly providersOf: (owner: string) => Providers
  readonly cloudflare: (declared: CloudflareProvider, look?: Look) => CloudflareDeps
  /** Of records of each kind, whether other servers have them. */
  readonly propagation: Readonly<Record<RecordKind, Propagation>>
  /** As of one of them, for both. */
  readonly untilSpread: Propagation['until']
}

type RecordKind = 'dns-record' | 'site-record'

/** One for everything that speaks with them, so that all are quiet when Cloudflare asks one to be. */
export function createDnsAccess({ spawn, clock, secrets, cloudflareBaseUrl }: DnsAccessDeps): DnsAccess {
  const accounts = new Map<string, CloudflareAccount>()
  const accountOf = ({ token, api_key, email, account_id }: CloudflareProvider) => {
    const key = JSON.stringify([token, api_key, email, account_id])
    const account = accounts.get(key) ?? createAccount()
    accounts.set(key, account)
    return account
  }
  const secretOf = (declared: DnsProvider, look: Look) => (reference: string) =>
    (look === 'main' ? secrets.value : secrets.preview)(
      reference,
      `dns provider ${declared.name}`,
      placeOf(declared, cloudflareBaseUrl),
    )
  const cloudflare = (declared: CloudflareProvider, look: Look = 'main'): CloudflareDeps => ({
    ...{ secret: secretOf(declared, look), clock, baseUrl: cloudflareBaseUrl, account: accountOf(declared) },
  })
  const others = atMost(8, spawn)
  const propagation = { 'dns-record': createPropagation(clock), 'site-record': createPropagation(clock) }
  return {
    ...{ cloudflare, propagation },
    async untilSpread(...asked) {
      await Promise.all(Object.values(propagation).map(({ until }) => until(...asked)))
    },
    providersOf:
      owner =>
      (declared, look = 'main') =>
        declared.type === 'cloudflare'
          ? createCloudflare(declared, { ...cloudflare(declared, look), owner })
          : createRfc2136(declared, {
              spawn,
              others,
              owner,
              resolve: addressesOf,
              secret: () => secretOf(declared, look)(declared.secret),
            }),
  }
}

const placeOf = (declared: DnsProvider, cloudflareBaseUrl = 'https://api.cloudflare.com'): Place =>
  declared.type === 'cloudflare' ? placeOfUrl(cloudflareBaseUrl, 'dns') : place(declared.server, declared.port, 'dns')

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
  const room = (kind: RecordKind, owner: string) => ({
    ...{ kind, clock, snapshots, kept: createKeptZones(snapshots, kind), providers: access.providersOf(owner) },
    propagation: access.propagation[kind],
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
    createCloudflareSettings({ cloudflare: access.cloudflare, clock, owner: id, kept: createKeptSettings(snapshots) }),
  ]
}

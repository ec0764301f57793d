import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DnsProvider } from '../../../desired-state/state.ts'
import { type Clock, type Elapsed, systemClock } from '../../../runtime/os/clock.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Plan } from '../../engine/reconciler.ts'
import { createAccount } from '../cloudflare/api.ts'
import { createCloudflare } from '../cloudflare/provider.ts'
import { createDnsReconciler } from '../dns.ts'
import type { DnsItem } from '../item.ts'
import { createKeptZones } from '../kept-zones.ts'
import type { DnsAction } from '../plan.ts'
import { createPropagation } from '../propagation.ts'
import type { FoundSet, Providers } from '../provider.ts'
import { type Bind, bindProviders, startBind } from './bind.ts'
import { type CloudflareServer, startCloudflare } from './cloudflare.ts'

/** A server for zones, real or faithful, and how somebody else changes it. */
export interface Ground extends AsyncDisposable {
  readonly declared: DnsProvider
  readonly providersOf: (owner: string) => Providers
  /** An address that was not made here. */
  byHand(name: string, address: string): Promise<void>
}

export async function bindGround(zone: string): Promise<Ground & { readonly bind: Bind }> {
  const bind = await startBind([zone])
  return {
    bind,
    declared: bind.declared,
    providersOf: owner => bindProviders(bind, { owner }),
    byHand: (name, address) => bind.byHand(`update add ${name}. 300 A ${address}`),
    [Symbol.asyncDispose]: () => bind[Symbol.asyncDispose](),
  }
}

export async function cloudflareGround(zone: string): Promise<Ground & { readonly cloudflare: CloudflareServer }> {
  const cloudflare = startCloudflare([zone])
  const account = createAccount()
  return {
    cloudflare,
    declared: cloudflare.declared,
    providersOf: owner => declared => {
      if (declared.type !== 'cloudflare') throw new Error('only Cloudflare is here')
      return createCloudflare(declared, { ...cloudflareSecrets(cloudflare), clock: systemClock, owner, account })
    },
    byHand: async (name, content) => void cloudflare.zone(zone).records.byHand({ type: 'A', name, content, ttl: 300 }),
    [Symbol.asyncDispose]: () => cloudflare[Symbol.asyncDispose](),
  }
}

/** What stands behind the names of secrets, and where the server is. */
export const cloudflareSecrets = ({ url, token, apiKey }: CloudflareServer) => ({
  baseUrl: url,
  secret: async (reference: string) => {
    const known = new Map([
      ['secret:CLOUDFLARE_TOKEN', token],
      ['secret:CLOUDFLARE_API_KEY', apiKey],
    ])
    const value = known.get(reference)
    if (value === undefined) throw new ApplianceError('waiting', `the secret ${reference} is not set`)
    return value
  },
})

/** Looks, plans and applies as the engine does. */
export async function createDesk(
  { declared, providersOf }: Pick<Ground, 'declared' | 'providersOf'>,
  zone: string,
  { owner = 'me', home, clock = systemClock, elapsed }: { owner?: string; home?: string; clock?: Clock; elapsed?: Elapsed } = {},
) {
  const folder = home ?? (await mkdtemp(join(tmpdir(), 'dns-')))
  const propagation = createPropagation(clock, elapsed)
  const reconciler = createDnsReconciler({
    ...{ kind: 'dns-record', select: () => new Map(), providers: providersOf(owner), clock, snapshots: folder },
    ...{ kept: createKeptZones(folder, 'dns-record'), propagation },
  })
  const desiredOf = (sets: readonly (FoundSet & { readonly adopt?: true })[], create = false) =>
    new Map<string, DnsItem>([
      [zone, { type: 'zone', zone, provider: declared, create }],
      ...sets.map(({ theirs: _, ...set }): [string, DnsItem] => [
        `${set.name}/${set.type}`,
        { ...set, zone, provider: declared },
      ]),
    ])
  const signal = AbortSignal.timeout(120_000)
  const see = async (desired: ReadonlyMap<string, DnsItem>) => {
    const observed = await reconciler.observe(desired, signal)
    return { ...reconciler.plan(desired, observed), content: observed[0]?.content }
  }
  const look = async (desired: ReadonlyMap<string, DnsItem>): Promise<Plan<DnsAction>> => {
    const { content: _, ...plan } = await see(desired)
    return plan
  }
  return {
    desiredOf,
    look,
    folder,
    ...{ reconciler, propagation },
    /** Gives what is left to do afterwards, what failed, and what the zone then has. */
    async converge(desired: ReadonlyMap<string, DnsItem>, step: (name: string) => Promise<void> = async () => {}) {
      const { changes } = await look(desired)
      const outcomes =
        changes.length === 0 ? [] : ((await reconciler.applyBatch?.(changes, { signal, step, progress: () => {} })) ?? [])
      const failed = outcomes.flatMap(({ key, error }) => (error === undefined ? [] : [`${key}: ${error.message}`]))
      const { content, ...after } = await see(desired)
      return { changes, failed, after, content }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

import type { DesiredState, DnsProvider } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Reconciler } from '../engine/reconciler.ts'
import { applyPlaces } from './apply.ts'
import type { DnsItem } from './item.ts'
import { type KeptZones, placeKey } from './kept-zones.ts'
import { type DnsAction, type ObservedZone, planRecords } from './plan.ts'
import { type Providers, sameValues } from './provider.ts'

export interface DnsDependencies {
  /** `dns-record` for what dns.yaml says, `site-record` for what follows from the sites. */
  readonly kind: 'dns-record' | 'site-record'
  readonly follows?: string
  readonly select: (state: DesiredState) => ReadonlyMap<string, DnsItem>
  readonly providers: Providers
  readonly clock: Clock
  /** Folder of what zones held before they were changed. */
  readonly snapshots: string
  /** Where records of ours may be. */
  readonly kept: KeptZones
  /** A zone was made: others may put records into it. */
  readonly created?: () => void
}

type DnsReconciler = Reconciler<DnsItem, readonly ObservedZone[], DnsAction>

/** Keeps records at the servers that answer for their zones; the key is `name/type`, and that of a zone its name. */
export function createDnsReconciler(dependencies: DnsDependencies): DnsReconciler {
  const { kind, follows, select } = dependencies
  const applyBatch: NonNullable<DnsReconciler['applyBatch']> = (changes, context) => applyPlaces(dependencies, changes, context)
  return {
    kind,
    after: follows === undefined ? [] : [follows],
    ...(follows !== undefined && { follows, followed: (from, to) => ({ ...from, domains: to.domains }) }),
    select,
    scope: ({ zone }) => zone,
    weigh,
    observe: (desired, signal) => observeZones(dependencies, desired, signal),
    plan: (desired, observed) => planRecords(kind, desired, observed),
    applyBatch,
    async apply(change, context) {
      const [outcome] = await applyBatch([change], context)
      if (outcome?.error) throw outcome.error
    },
  }
}

/** What a name leads to, and where it is said; how long and which way are matters of taste. */
const weigh: NonNullable<DnsReconciler['weigh']> = (before, after) =>
  placeKey(before.provider) === placeKey(after.provider) &&
  (before.type === 'zone' || after.type === 'zone' || sameValues(before.values, after.values))
    ? 'adjust'
    : 'redefine'

/** One zone that cannot be read keeps nobody from the others. */
async function observeZones(
  { providers, kept }: DnsDependencies,
  desired: ReadonlyMap<string, DnsItem>,
  signal: AbortSignal,
): Promise<readonly ObservedZone[]> {
  const zones = new Map([...desired.values()].map(({ zone, provider }) => [zone, provider]))
  const left = (await kept.all()).filter(({ zone }) => !zones.has(zone))
  return Promise.all([
    ...[...zones].map(async ([zone, provider]) => ({
      ...{ zone, provider, content: await readZone(providers, zone, provider, signal) },
    })),
    ...left.map(async ({ zone, provider }) => ({
      ...{ zone, provider, content: await readZone(providers, zone, provider, signal), left: true as const },
    })),
  ])
}

async function readZone(providers: Providers, name: string, provider: DnsProvider, signal: AbortSignal) {
  try {
    return await providers(provider).read(name, signal)
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof ApplianceError ? error : new ApplianceError('failed', explain(error), { cause: error })
  }
}

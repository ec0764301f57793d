import type { DesiredState } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Look, Reconciler } from '../engine/reconciler.ts'
import { applyPlaces } from './apply.ts'
import type { DnsItem } from './item.ts'
import { type KeptZone, type KeptZones, placeKey } from './kept-zones.ts'
import { type DnsAction, type ObservedZone, planRecords } from './plan.ts'
import type { Propagation } from './propagation.ts'
import { type Provider, type Providers, sameValues } from './provider.ts'

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
  /** Whether other servers have what was written. */
  readonly propagation: Propagation
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
    observe: (desired, signal, look = 'main') => observeZones(dependencies, desired, signal, look),
    plan: (desired, observed) => planRecords(kind, desired, observed),
    applyBatch,
    watch: dependencies.propagation.watch,
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
  { providers, kept, propagation }: DnsDependencies,
  desired: ReadonlyMap<string, DnsItem>,
  signal: AbortSignal,
  purpose: Look,
): Promise<readonly ObservedZone[]> {
  const zones = new Map([...desired.values()].map(({ zone, provider }) => [zone, provider]))
  const left = (await kept.all()).filter(({ zone }) => !zones.has(zone))
  const look = async (place: KeptZone): Promise<ObservedZone> => {
    const provider = providers(place.provider, purpose)
    const content = await readZone(provider, place.zone, signal)
    const spread = content instanceof Error ? undefined : await propagation.look(place, content, provider)
    return { ...place, content, ...(spread !== undefined && { spread }) }
  }
  return Promise.all([
    ...[...zones].map(([zone, provider]) => look({ zone, provider })),
    ...left.map(async place => ({ ...(await look(place)), left: true as const })),
  ])
}

async function readZone(provider: Provider, name: string, signal: AbortSignal) {
  try {
    return await provider.read(name, signal)
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof ApplianceError ? error : new ApplianceError('failed', explain(error), { cause: error })
  }
}

import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DesiredState, DnsProvider } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { makeDirectory, writeFileAtomic } from '../../runtime/os/files.ts'
import type { ApplyContext, Change, Outcome, Reconciler } from '../engine/reconciler.ts'
import type { DnsItem } from './item.ts'
import { type DnsAction, type ObservedZone, planRecords } from './plan.ts'
import { type Providers, setKey, type ZoneContent } from './provider.ts'

export interface DnsDependencies {
  /** `dns-record` for what dns.yaml says, `site-record` for what follows from the sites. */
  readonly kind: 'dns-record' | 'site-record'
  readonly follows?: string
  readonly select: (state: DesiredState) => ReadonlyMap<string, DnsItem>
  readonly providers: Providers
  readonly clock: Clock
  /** Folder of what zones held before they were changed. */
  readonly snapshots: string
}

type ObservedZones = ReadonlyMap<string, ObservedZone>

/** Keeps records at the servers that answer for their zones; the key is `name/type`. */
export function createDnsReconciler(dependencies: DnsDependencies): Reconciler<DnsItem, ObservedZones, DnsAction> {
  const { kind, follows, select, providers } = dependencies
  const applyBatch = (changes: readonly Change<DnsAction>[], context: ApplyContext) => applyZones(dependencies, changes, context)
  return {
    kind,
    after: follows === undefined ? [] : [follows],
    ...(follows === undefined ? {} : { follows }),
    select,
    observe: (desired, signal) => observeZones(providers, desired, signal),
    plan: (desired, observed) => planRecords(kind, desired, observed),
    applyBatch,
    async apply(change, context) {
      const [outcome] = await applyBatch([change], context)
      if (outcome?.error) throw outcome.error
    },
  }
}

/** One zone that cannot be read keeps nobody from the others. */
async function observeZones(
  providers: Providers,
  desired: ReadonlyMap<string, DnsItem>,
  signal: AbortSignal,
): Promise<ObservedZones> {
  const zones = new Map([...desired.values()].map(({ zone, provider }) => [zone, provider]))
  const found = await Promise.all(
    [...zones].map(
      async ([name, provider]): Promise<[string, ObservedZone]> => [
        name,
        { provider, content: await readZone(providers, name, provider, signal) },
      ],
    ),
  )
  return new Map(found)
}

async function readZone(providers: Providers, name: string, provider: DnsProvider, signal: AbortSignal) {
  try {
    return await providers(provider).read(name, signal)
  } catch (error) {
    signal.throwIfAborted()
    return error instanceof ApplianceError ? error : new ApplianceError('failed', explain(error), { cause: error })
  }
}

async function applyZones(
  deps: DnsDependencies,
  changes: readonly Change<DnsAction>[],
  { signal, step }: ApplyContext,
): Promise<readonly Outcome[]> {
  await step('begin')
  const outcomes = await Promise.all(
    [...Map.groupBy(changes, ({ action }) => action.zone)].map(([zone, own]) => applyZone(deps, zone, own, step, signal)),
  )
  await step('changed')
  return outcomes.flat()
}

async function applyZone(
  { providers, clock, snapshots }: DnsDependencies,
  zone: string,
  changes: readonly Change<DnsAction>[],
  step: ApplyContext['step'],
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const [first] = changes
  if (first === undefined) return []
  const provider = providers(first.action.provider)
  try {
    await keepSnapshot(join(snapshots, zone), await provider.read(zone, signal), clock.now())
    await step('snapshot')
    const failures = await provider.change(
      zone,
      changes.map(({ action }) => action.correction),
      signal,
    )
    return changes.map(({ key }) => {
      const error = failures.get(key)
      return error === undefined ? { key } : { key, error }
    })
  } catch (error) {
    signal.throwIfAborted()
    const failure = error instanceof Error ? error : new Error(String(error))
    return changes.map(({ key }) => ({ key, error: failure }))
  }
}

/** Of each zone. */
const mostSnapshots = 20

/** What a zone held before it was changed, as JSON: a person can put it back. */
async function keepSnapshot(folder: string, { sets, ours }: ZoneContent, now: Date): Promise<void> {
  await makeDirectory(folder, 0o700)
  const records = [...sets.values()].map(set => ({ ...set, ours: ours.has(setKey(set)) }))
  await writeFileAtomic(join(folder, `${now.toISOString().replaceAll(':', '')}.json`), `${JSON.stringify(records, null, 1)}\n`)
  const names = (await readdir(folder)).filter(name => name.endsWith('.json')).sort()
  for (const name of names.slice(0, -mostSnapshots)) await rm(join(folder, name), { force: true })
}

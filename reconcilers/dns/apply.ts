import { join } from 'node:path'
import type { ApplyContext, Change, Outcome } from '../engine/reconciler.ts'
import type { DnsDependencies } from './dns.ts'
import { placeKey } from './kept-zones.ts'
import type { DnsAction } from './plan.ts'
import { type Correction, type Provider, setKey, setOf, type ZoneContent } from './provider.ts'
import { dropOld, keepSnapshot } from './snapshots.ts'

type DnsChange = Change<DnsAction>
type Deps = Pick<DnsDependencies, 'providers' | 'clock' | 'snapshots' | 'kept' | 'propagation' | 'created'>

/** Each zone by itself and all at the same time; one that fails keeps nobody from the others. */
export async function applyPlaces(
  deps: Deps,
  changes: readonly DnsChange[],
  { signal, step }: ApplyContext,
): Promise<readonly Outcome[]> {
  await step('begin')
  // What cannot be tidied up keeps no zone from its records.
  await dropOld(deps.snapshots, deps.clock.now()).catch(() => {})
  const places = Map.groupBy(changes, ({ action }) => `${action.zone} at ${placeKey(action.provider)}`)
  const outcomes = await Promise.all([...places.values()].map(own => applyPlace(deps, own, step, signal)))
  await step('changed')
  return outcomes.flat()
}

async function applyPlace(
  deps: Deps,
  changes: readonly DnsChange[],
  step: ApplyContext['step'],
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const [first] = changes
  if (first === undefined) return []
  const { zone, provider: declared } = first.action
  const provider = deps.providers(declared)
  try {
    await deps.kept.keep({ zone, provider: declared })
    if (first.action.type === 'create') return [await createZone(deps, provider, first, step, signal)]
    const before = await provider.read(zone, signal)
    const corrections = changes.flatMap(({ action }) => (action.type === 'correct' ? [action.correction] : []))
    await keepSnapshot(join(deps.snapshots, zone), before, corrections, deps.clock.now())
    await step('snapshot')
    let known: ReadonlyMap<string, Error> | undefined
    try {
      known = await provider.change(zone, corrections, signal)
    } finally {
      // What was interrupted may have been taken.
      const made = corrections.filter(correction => known?.has(setKey(setOf(correction))) !== true)
      deps.propagation.wrote({ zone, provider: declared }, made)
    }
    const failures = known
    await step('sent')
    if (failures.size === 0 && takesTheLast(before, corrections)) await deps.kept.forget({ zone, provider: declared })
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

async function createZone(
  { created }: Deps,
  provider: Provider,
  { key, action: { zone } }: DnsChange,
  step: ApplyContext['step'],
  signal: AbortSignal,
): Promise<Outcome> {
  await provider.create?.(zone, signal)
  await step('zone-made')
  created?.()
  return { key }
}

/** Nothing of ours is left afterwards. */
function takesTheLast({ ours }: ZoneContent, corrections: readonly Correction[]): boolean {
  const removed = new Set(corrections.flatMap(one => (one.type === 'remove' ? [setKey(setOf(one))] : [])))
  return corrections.length === removed.size && [...ours].every(key => removed.has(key))
}

import type { CloudflareProvider } from '../../../../desired-state/state.ts'
import type { Clock } from '../../../../runtime/os/clock.ts'
import type { Change, Look, Outcome, Reconciler } from '../../../engine/reconciler.ts'
import { type CloudflareDeps, createAsk } from '../api.ts'
import { zoneId } from '../zones.ts'
import { applySetting } from './apply.ts'
import { type SettingItem, selectSettings } from './item.ts'
import type { KeptSettings, KeptSettingsFile } from './kept.ts'
import { type ObservedSettings, observeSettings, partsThatFailed, type ZoneAccess } from './observe.ts'
import { planSettings, type SettingAction, settingsKind } from './plan.ts'

export interface CloudflareSettingsDeps {
  readonly cloudflare: (declared: CloudflareProvider, look?: Look) => CloudflareDeps
  readonly clock: Clock
  /** What marks rules as ours. */
  readonly owner: string
  readonly kept: KeptSettingsFile
}

type SettingsReconciler = Reconciler<SettingItem, readonly ObservedSettings[], SettingAction>

/** Milliseconds for which a look that nothing has changed since is good: each look is a dozen of the calls that Cloudflare counts. */
const freshFor = 300_000

/** Keeps what Cloudflare does in a zone besides answering for its names; the key is `zone/thing`. */
export function createCloudflareSettings(deps: CloudflareSettingsDeps): SettingsReconciler {
  const { clock, owner, kept } = deps
  const looks = new Map<string, { readonly at: number; readonly of: string; readonly found: ObservedSettings }>()
  const look = async (
    zone: string,
    provider: CloudflareProvider,
    items: readonly SettingItem[],
    signal: AbortSignal,
    purpose: Look,
  ) => {
    const remembered = await kept.read(zone)
    const of = JSON.stringify([provider, items, remembered])
    const last = looks.get(zone)
    const now = clock.now().getTime()
    if (last !== undefined && last.of === of && now - last.at < freshFor && now >= last.at) return last.found
    const found = await observeSettings(
      { zone, provider, kept: remembered },
      items,
      accessOf(deps, zone, provider, purpose),
      signal,
    )
    if (partsThatFailed(found).every(({ kind }) => kind === 'stalled')) looks.set(zone, { at: now, of, found })
    const isGone =
      items.length === 0 && partsThatFailed(found).length === 0 && planSettings(owner, new Map(), [found]).changes.length === 0
    if (isGone && purpose === 'main') await kept.forget(zone)
    return found
  }
  return {
    kind: settingsKind,
    after: ['dns-record'],
    select: selectSettings,
    scope: ({ zone }) => zone,
    weigh: ({ type }) => (type === 'setting' ? 'adjust' : 'redefine'),
    async observe(desired, signal, purpose = 'main') {
      const zones = Map.groupBy(desired.values(), ({ zone }) => zone)
      const left = (await kept.all()).filter(({ zone }) => !zones.has(zone))
      return Promise.all([
        ...[...zones].flatMap(([zone, items]) =>
          items[0] === undefined ? [] : [look(zone, items[0].provider, items, signal, purpose)],
        ),
        ...left.map(({ zone, provider }) => look(zone, provider, [], signal, purpose)),
      ])
    },
    plan: (desired, observed) => planSettings(owner, desired, observed),
    async applyBatch(changes, { step, signal }) {
      await step('begin')
      const zones = [...Map.groupBy(changes, ({ action }) => action.zone)]
      const outcomes = await Promise.all(
        zones.map(async ([zone, own]) => {
          looks.delete(zone)
          return applyZone(deps, zone, own, step, signal)
        }),
      )
      await step('changed')
      return outcomes.flat()
    },
    async apply(change, context) {
      const [outcome] = (await this.applyBatch?.([change], context)) ?? []
      if (outcome?.error) throw outcome.error
    },
  }
}

function accessOf(
  { cloudflare }: CloudflareSettingsDeps,
  zone: string,
  provider: CloudflareProvider,
  purpose: Look = 'main',
): ZoneAccess {
  const found = cloudflare(provider, purpose)
  const ask = createAsk(provider, found)
  const place = { declared: provider, ask, zones: found.account.zones }
  return { ask, zoneId: signal => zoneId(place, zone, signal) }
}

/** One after the other, since rules of one phase go into one list; what fails keeps nobody from the rest. */
async function applyZone(
  deps: CloudflareSettingsDeps,
  zone: string,
  changes: readonly Change<SettingAction>[],
  step: (name: string) => Promise<void>,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const [first] = changes
  if (first === undefined) return []
  const { provider } = first.action
  const access = accessOf(deps, zone, provider)
  const outcomes: Outcome[] = []
  await deps.kept.keep({ zone, provider, ...keptOf(changes) })
  await step('kept')
  for (const { key, action } of changes) {
    try {
      await applySetting(action, access, deps.owner, signal)
      await step('sent')
      if (action.doing.type === 'remove-route') await deps.kept.forgetRoute(zone, action.doing.pattern)
      outcomes.push({ key })
    } catch (error) {
      signal.throwIfAborted()
      outcomes.push({ key, error: error instanceof Error ? error : new Error(String(error)) })
    }
  }
  return outcomes
}

function keptOf(changes: readonly Change<SettingAction>[]): Pick<KeptSettings, 'areas' | 'routes'> {
  const things = changes.filter(({ operation }) => operation !== 'delete')
  return {
    areas: things.map(({ key, action }) => key.slice(action.zone.length + 1).split('/')[0] ?? ''),
    routes: things.flatMap(({ action }) => (action.doing.type === 'put-route' ? [action.doing.pattern] : [])),
  }
}

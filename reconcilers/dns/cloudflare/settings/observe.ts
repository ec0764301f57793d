import type { CloudflareProvider } from '../../../../desired-state/state.ts'
import { ApplianceError, explain } from '../../../../runtime/os/errors.ts'
import type { Ask } from '../api.ts'
import { NothingThere } from '../errors.ts'
import type { SettingItem } from './item.ts'
import type { KeptSettings } from './kept.ts'
import { areaOf, type Phase, phases } from './rules.ts'
import {
  balancersShape,
  type FoundBalancer,
  type FoundPool,
  type FoundRoute,
  type FoundRule,
  poolsShape,
  routesShape,
  rulesetShape,
  settingShape,
} from './shapes.ts'

export interface FoundRuleset {
  /** Undefined as long as nobody has put a rule there. */
  readonly id: string | undefined
  readonly rules: readonly FoundRule[]
}

type Seen<T> = T | ApplianceError

/** What Cloudflare does in a zone, as far as it concerns us; each part may fail alone. */
export interface ObservedSettings {
  readonly zone: string
  readonly provider: CloudflareProvider
  readonly kept: KeptSettings | undefined
  /** Nothing of it is declared any more. */
  readonly left: boolean
  readonly settings: ReadonlyMap<string, Seen<unknown>>
  readonly rulesets: ReadonlyMap<Phase, Seen<FoundRuleset>>
  readonly routes: Seen<readonly FoundRoute[]> | undefined
  readonly balancers: Seen<{ readonly balancers: readonly FoundBalancer[]; readonly pools: readonly FoundPool[] }> | undefined
}

export interface ZoneAccess {
  readonly ask: Ask
  readonly zoneId: (signal: AbortSignal) => Promise<string>
}

export async function observeSettings(
  place: { readonly zone: string; readonly provider: CloudflareProvider; readonly kept: KeptSettings | undefined },
  items: readonly SettingItem[],
  { ask, zoneId }: ZoneAccess,
  signal: AbortSignal,
): Promise<ObservedSettings> {
  const { zone, provider, kept } = place
  const areas = new Set([...items.map(areaOfItem), ...(kept?.areas ?? [])])
  const seen = async <T>(work: (zone_id: string) => Promise<T>): Promise<Seen<T>> => {
    try {
      return await work(await zoneId(signal))
    } catch (error) {
      signal.throwIfAborted()
      return error instanceof ApplianceError ? error : new ApplianceError('failed', explain(error), { cause: error })
    }
  }
  const ids = items.flatMap(item => (item.type === 'setting' ? [item.id] : []))
  const wanted = Object.values(phases).filter(phase => areas.has(areaOf(phase)))
  const [settings, rulesets, routes, balancers] = await Promise.all([
    Promise.all(ids.map(async id => [id, await seen(zone_id => readSetting(ask, zone, zone_id, id, signal))] as const)),
    Promise.all(
      wanted.map(async phase => [phase, await seen(zone_id => readRuleset(ask, zone, zone_id, phase, signal))] as const),
    ),
    areas.has('workers_routes') ? seen(zone_id => readRoutes(ask, zone, zone_id, signal)) : undefined,
    areas.has('load_balancers') ? seen(zone_id => readBalancers(ask, provider, zone, zone_id, signal)) : undefined,
  ])
  const left = items.length === 0
  return { zone, provider, kept, left, settings: new Map(settings), rulesets: new Map(rulesets), routes, balancers }
}

export const partsThatFailed = ({ settings, rulesets, routes, balancers }: ObservedSettings): readonly ApplianceError[] =>
  [...settings.values(), ...rulesets.values(), routes, balancers].filter(part => part instanceof ApplianceError)

/** Where it is looked for when it is declared no more. */
export function areaOfItem(item: SettingItem): string {
  switch (item.type) {
    case 'setting':
      return 'settings'
    case 'rule':
      return areaOf(item.phase)
    case 'route':
      return 'workers_routes'
    case 'balancer':
      return 'load_balancers'
  }
}

async function readSetting(ask: Ask, zone: string, zone_id: string, id: string, signal: AbortSignal): Promise<unknown> {
  const { result } = await ask(
    `read ${id} of ${zone}`,
    settingShape,
    (client, options) => client.zones.settings.get(id, { zone_id }, options),
    signal,
  )
  return result.value
}

/** The rules of one phase; a phase that nobody has used is not there. */
export async function readRuleset(
  ask: Ask,
  zone: string,
  zone_id: string,
  phase: Phase,
  signal: AbortSignal,
): Promise<FoundRuleset> {
  try {
    const { result } = await ask(
      `read ${areaOf(phase)} of ${zone}`,
      rulesetShape,
      (client, options) => client.rulesets.phases.get(phase, { zone_id }, options),
      signal,
    )
    return { id: result.id, rules: result.rules ?? [] }
  } catch (error) {
    if (error instanceof NothingThere) return { id: undefined, rules: [] }
    throw error
  }
}

async function readRoutes(ask: Ask, zone: string, zone_id: string, signal: AbortSignal): Promise<readonly FoundRoute[]> {
  const { result } = await ask(
    `read workers_routes of ${zone}`,
    routesShape,
    (client, options) => client.workers.routes.list({ zone_id }, options),
    signal,
  )
  return result
}

async function readBalancers(
  ask: Ask,
  { name, account_id }: CloudflareProvider,
  zone: string,
  zone_id: string,
  signal: AbortSignal,
) {
  if (account_id === undefined) {
    const hint = `write account_id into providers.${name}`
    throw new ApplianceError('stalled', 'pools of load balancers belong to an account, and it is not said which', { hint })
  }
  const [balancers, pools] = await Promise.all([
    ask(
      `read load_balancers of ${zone}`,
      balancersShape,
      (client, options) => client.loadBalancers.list({ zone_id }, options),
      signal,
    ),
    ask(
      'read the pools of load balancers',
      poolsShape,
      (client, options) => client.loadBalancers.pools.list({ account_id }, options),
      signal,
    ),
  ])
  return { balancers: balancers.result, pools: pools.result }
}

import type { CloudflareProvider } from '../../../../desired-state/state.ts'
import { ApplianceError, explain } from '../../../../runtime/os/errors.ts'
import type { Change, Obstacle, Plan } from '../../../engine/reconciler.ts'
import { markOf } from '../records.ts'
import type { Balancer, SettingItem } from './item.ts'
import { type FoundRuleset, type ObservedSettings, partsThatFailed } from './observe.ts'
import { areaOf, contains, descriptionOf, nameOf, type Phase, type Rule } from './rules.ts'
import type { FoundBalancer, FoundPool, FoundRule } from './shapes.ts'

export const settingsKind = 'cloudflare-setting'

interface Place {
  readonly zone: string
  readonly provider: CloudflareProvider
}

type Doing =
  | { readonly type: 'setting'; readonly id: string; readonly value: string | number }
  | {
      readonly type: 'put-rule'
      readonly phase: Phase
      readonly id: string | undefined
      readonly rule: Rule & { readonly description: string }
    }
  | { readonly type: 'remove-rule'; readonly phase: Phase; readonly id: string }
  | { readonly type: 'put-route'; readonly id: string | undefined; readonly pattern: string; readonly script: string }
  | { readonly type: 'remove-route'; readonly id: string; readonly pattern: string }
  | { readonly type: 'put-balancer'; readonly balancer: Balancer }
  | { readonly type: 'remove-balancer'; readonly name: string }

export type SettingAction = Place & { readonly doing: Doing }
type SettingChange = Change<SettingAction>

/** Pure: what is declared of Cloudflare against what it does. Settings that are declared no more stay as they are. */
export function planSettings(
  owner: string,
  desired: ReadonlyMap<string, SettingItem>,
  observed: readonly ObservedSettings[],
): Plan<SettingAction> {
  const changes: SettingChange[] = []
  const obstacles: Obstacle[] = []
  for (const zone of observed) changes.push(...surplus(owner, desired, zone))
  for (const [key, item] of [...desired].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const zone = observed.find(one => one.zone === item.zone)
    if (zone === undefined) continue
    const found = planThing(owner, key, item, zone)
    if (found === undefined) continue
    if ('state' in found) obstacles.push(found)
    else changes.push(found)
  }
  return { changes, obstacles, unseen: new Map(observed.flatMap(unseenZone)) }
}

function unseenZone(observed: ObservedSettings): readonly (readonly [string, string])[] {
  const messages = new Set(partsThatFailed(observed).map(explain))
  return messages.size === 0 ? [] : [[observed.zone, [...messages].join('; ')]]
}

function planThing(owner: string, key: string, item: SettingItem, zone: ObservedSettings): SettingChange | Obstacle | undefined {
  switch (item.type) {
    case 'setting': {
      const found = zone.settings.get(item.id)
      if (found instanceof ApplianceError) return unread(key, found)
      if (found === item.value) return undefined
      return change(key, item, 'update', `${item.value}`, String(found ?? ''), {
        type: 'setting',
        id: item.id,
        value: item.value,
      })
    }
    case 'rule':
      return planRule(owner, key, item, zone.rulesets.get(item.phase))
    case 'route': {
      if (zone.routes === undefined) return undefined
      if (zone.routes instanceof ApplianceError) return unread(key, zone.routes)
      const found = zone.routes.find(({ pattern }) => pattern === item.pattern)
      if (found !== undefined && (found.script ?? '') === item.script) return undefined
      if (found !== undefined && !zone.kept?.routes.includes(item.pattern)) {
        return foreign(key, `the route ${item.pattern} leads to ${found.script ?? 'no Worker'}, which was not declared here`)
      }
      const doing = { type: 'put-route', id: found?.id, pattern: item.pattern, script: item.script } as const
      return change(key, item, found === undefined ? 'create' : 'update', item.script || 'no Worker', found?.script ?? '', doing)
    }
    case 'balancer':
      return planBalancer(owner, key, item, zone)
  }
}

function planRule(
  owner: string,
  key: string,
  item: SettingItem & { readonly type: 'rule' },
  ruleset: FoundRuleset | ApplianceError | undefined,
): SettingChange | Obstacle | undefined {
  if (ruleset === undefined) return undefined
  if (ruleset instanceof ApplianceError) return unread(key, ruleset)
  const rule = { ...item.rule, description: descriptionOf(item.name, owner) }
  const found = ruleset.rules.find(({ description }) => description === rule.description)
  if (found !== undefined && contains(found, rule)) return undefined
  const doing = { type: 'put-rule', phase: item.phase, id: found?.id, rule } as const
  return change(key, item, found === undefined ? 'create' : 'update', said(rule), found === undefined ? '' : said(found), doing)
}

const said = (rule: FoundRule | Rule): string => {
  const fields = new Map<string, unknown>(Object.entries(rule))
  return [fields.get('action'), fields.get('expression')].join(' ')
}

function planBalancer(
  owner: string,
  key: string,
  item: SettingItem & Balancer,
  { balancers: seen }: ObservedSettings,
): SettingChange | Obstacle | undefined {
  if (seen === undefined) return undefined
  if (seen instanceof ApplianceError) return unread(key, seen)
  const found = seen.balancers.find(({ name }) => name === item.name)
  if (found !== undefined && found.description !== markOf(owner)) {
    return foreign(key, `the load balancer ${item.name} was not made here`)
  }
  const stranger = item.pools
    .map(pool => seen.pools.find(({ name }) => name === poolName(item.name, pool.name)))
    .find(pool => pool !== undefined && pool.description !== markOf(owner))
  if (stranger !== undefined) return foreign(key, `the pool ${stranger.name} was not made here`)
  if (found !== undefined && isBalancer(item, found, seen.pools, owner)) return undefined
  const { name, pools, fallback, steering, proxied } = item
  const balancer = { type: 'balancer', name, pools, fallback, steering, proxied } as const
  const summary = pools.map(pool => `${pool.name}: ${pool.servers.join(', ')}`).join('; ')
  return change(key, item, found === undefined ? 'create' : 'update', summary, '', { type: 'put-balancer', balancer })
}

function isBalancer(item: Balancer, found: FoundBalancer, pools: readonly FoundPool[], owner: string): boolean {
  const own = item.pools.map(({ name }) => pools.find(pool => pool.name === poolName(item.name, name)))
  const surplusPools = poolsOf(item.name, pools, owner).filter(pool => !own.includes(pool))
  return (
    surplusPools.length === 0 &&
    own.every((pool, index) =>
      Bun.deepEquals(
        pool?.origins?.map(({ address }) => address),
        item.pools[index]?.servers,
      ),
    ) &&
    Bun.deepEquals(
      found.default_pools,
      own.map(pool => pool?.id),
    ) &&
    found.fallback_pool === own[item.pools.findIndex(({ name }) => name === item.fallback)]?.id &&
    found.steering_policy === item.steering &&
    found.proxied === item.proxied
  )
}

/** Pools belong to the account, so their names say whose they are. */
export const poolName = (balancer: string, pool: string): string => `${balancer.replaceAll('.', '_')}-${pool}`

/** Those of one balancer. */
export const poolsOf = (balancer: string, pools: readonly FoundPool[], owner: string): readonly FoundPool[] =>
  pools.filter(({ name, description }) => description === markOf(owner) && name.startsWith(poolName(balancer, '')))

/** What is ours and declared no more. */
function surplus(owner: string, desired: ReadonlyMap<string, SettingItem>, zone: ObservedSettings): readonly SettingChange[] {
  const gone = (key: string) => !desired.has(`${zone.zone}/${key}`)
  const remove = (key: string, doing: Doing) => change(`${zone.zone}/${key}`, zone, 'delete', 'remove it', '', doing)
  const rules = [...zone.rulesets].flatMap(([phase, ruleset]) =>
    ruleset instanceof ApplianceError
      ? []
      : ruleset.rules.flatMap(({ id, description }, index) => {
          const name = nameOf(description, owner)
          if (name === undefined) return []
          const isSecond = ruleset.rules.findIndex(rule => rule.description === description) < index
          return gone(`${areaOf(phase)}/${name}`) || isSecond
            ? [remove(`${areaOf(phase)}/${name}`, { type: 'remove-rule', phase, id })]
            : []
        }),
  )
  const routes = zone.routes === undefined || zone.routes instanceof ApplianceError ? [] : zone.routes
  const kept = new Set(zone.kept?.routes)
  const balancers = zone.balancers === undefined || zone.balancers instanceof ApplianceError ? [] : zone.balancers.balancers
  return [
    ...rules,
    ...routes
      .filter(({ pattern }) => kept.has(pattern) && gone(`workers_routes/${pattern}`))
      .map(({ id, pattern }) => remove(`workers_routes/${pattern}`, { type: 'remove-route', id, pattern })),
    ...balancers
      .filter(({ name, description }) => description === markOf(owner) && gone(`load_balancers/${name}`))
      .map(({ name }) => remove(`load_balancers/${name}`, { type: 'remove-balancer', name })),
  ]
}

function unread(key: string, error: ApplianceError): Obstacle {
  return { key, state: error.kind === 'stalled' ? 'stalled' : 'waiting', reason: 'cloudflare', message: explain(error) }
}

const foreign = (key: string, what: string): Obstacle => ({
  ...{ key, state: 'stalled', reason: 'foreign' },
  message: `${what}: remove it at Cloudflare, or remove it from the declaration`,
})

const change = (
  key: string,
  { zone, provider }: Place,
  operation: SettingChange['operation'],
  summary: string,
  before: string,
  doing: Doing,
): SettingChange => ({
  ...{ kind: settingsKind, key, operation, summary },
  fields: operation === 'delete' ? [] : [{ name: 'value', before, after: summary }],
  action: { zone, provider, doing },
})

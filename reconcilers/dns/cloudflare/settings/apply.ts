import { ApplianceError } from '../../../../runtime/os/errors.ts'
import { markOf } from '../records.ts'
import type { Balancer } from './item.ts'
import { readRuleset, type ZoneAccess } from './observe.ts'
import { poolName, poolsOf, type SettingAction } from './plan.ts'
import { areaOf } from './rules.ts'
import { balancersShape, doneShape, poolShape, poolsShape } from './shapes.ts'

/** Makes one change; each is safe to be made again after a look. */
export async function applySetting(action: SettingAction, access: ZoneAccess, owner: string, signal: AbortSignal): Promise<void> {
  const { zone, doing } = action
  const { ask } = access
  const zone_id = await access.zoneId(signal)
  switch (doing.type) {
    case 'setting':
      await ask(
        `set ${doing.id} of ${zone}`,
        doneShape,
        (client, options) => client.zones.settings.edit(doing.id, { zone_id, value: doing.value }, options),
        signal,
      )
      return
    case 'put-rule':
      return putRule(action, doing, access, zone_id, signal)
    case 'remove-rule': {
      const ruleset_id = (await readRuleset(ask, zone, zone_id, doing.phase, signal)).id
      if (ruleset_id === undefined) return
      await ask(
        `remove a rule of ${areaOf(doing.phase)} of ${zone}`,
        doneShape,
        (client, options) => client.rulesets.rules.delete(doing.id, { ruleset_id, zone_id }, options),
        signal,
      )
      return
    }
    case 'put-route': {
      const { id, pattern, script } = doing
      const fields = { zone_id, pattern, ...(script !== '' && { script }) }
      await ask(
        `set the route ${pattern}`,
        doneShape,
        (client, options) =>
          id === undefined ? client.workers.routes.create(fields, options) : client.workers.routes.update(id, fields, options),
        signal,
      )
      return
    }
    case 'remove-route':
      await ask(
        `remove the route ${doing.pattern}`,
        doneShape,
        (client, options) => client.workers.routes.delete(doing.id, { zone_id }, options),
        signal,
      )
      return
    case 'put-balancer':
      return putBalancer(action, doing.balancer, access, zone_id, owner, signal)
    case 'remove-balancer':
      return removeBalancer(action, doing.name, access, zone_id, owner, signal)
  }
}

async function putRule(
  { zone }: SettingAction,
  { phase, id, rule }: SettingAction['doing'] & { readonly type: 'put-rule' },
  { ask }: ZoneAccess,
  zone_id: string,
  signal: AbortSignal,
): Promise<void> {
  const ruleset_id = (await readRuleset(ask, zone, zone_id, phase, signal)).id
  const doing = `set a rule of ${areaOf(phase)} of ${zone}`
  await ask(
    doing,
    doneShape,
    (client, options) => {
      if (ruleset_id === undefined)
        return client.rulesets.create({ zone_id, kind: 'zone', name: 'default', phase, rules: [rule] }, options)
      if (id === undefined) return client.rulesets.rules.create(ruleset_id, { zone_id, ...rule }, options)
      return client.rulesets.rules.edit(id, { ruleset_id, zone_id, ...rule }, options)
    },
    signal,
  )
}

const accountOf = ({ provider: { account_id, name } }: SettingAction): string => {
  if (account_id !== undefined) return account_id
  throw new ApplianceError('stalled', 'pools of load balancers belong to an account', {
    hint: `write account_id into providers.${name}`,
  })
}

/** Pools first, then the balancer that leads to them, then what it no longer leads to. */
async function putBalancer(
  action: SettingAction,
  { name, pools, fallback, steering, proxied }: Balancer,
  { ask }: ZoneAccess,
  zone_id: string,
  owner: string,
  signal: AbortSignal,
): Promise<void> {
  const account_id = accountOf(action)
  const description = markOf(owner)
  const { result: there } = await ask(
    'read the pools of load balancers',
    poolsShape,
    (client, options) => client.loadBalancers.pools.list({ account_id }, options),
    signal,
  )
  const ids: string[] = []
  for (const { name: pool, servers } of pools) {
    const found = there.find(one => one.name === poolName(name, pool))
    if (found !== undefined && found.description !== description)
      throw new ApplianceError('stalled', `the pool ${found.name} was not made here`, { hint: 'give yours another name' })
    const origins = servers.map((address, index) => ({ name: `server-${index + 1}`, address, enabled: true }))
    const fields = { account_id, name: poolName(name, pool), origins, description }
    const { result } = await ask(
      `set the pool ${fields.name}`,
      poolShape,
      (client, options) =>
        found === undefined
          ? client.loadBalancers.pools.create(fields, options)
          : client.loadBalancers.pools.update(found.id, fields, options),
      signal,
    )
    ids.push(result.id)
  }
  const fallback_pool = ids[pools.findIndex(pool => pool.name === fallback)] ?? ids.at(-1) ?? ''
  const balancer = { zone_id, name, default_pools: ids, fallback_pool, steering_policy: policyOf(steering), proxied, description }
  const { result: balancers } = await ask(
    'read the load balancers',
    balancersShape,
    (client, options) => client.loadBalancers.list({ zone_id }, options),
    signal,
  )
  const old = balancers.find(one => one.name === name)
  await ask(
    `set the load balancer ${name}`,
    doneShape,
    (client, options) =>
      old === undefined ? client.loadBalancers.create(balancer, options) : client.loadBalancers.update(old.id, balancer, options),
    signal,
  )
  for (const { id } of poolsOf(name, there, owner).filter(pool => !ids.includes(pool.id)))
    await removePool(ask, account_id, id, signal)
}

const policies = ['off', 'geo', 'random', 'dynamic_latency', 'proximity', 'least_outstanding_requests'] as const
const policyOf = (steering: string) => policies.find(policy => policy === steering) ?? 'off'

async function removeBalancer(
  action: SettingAction,
  name: string,
  { ask }: ZoneAccess,
  zone_id: string,
  owner: string,
  signal: AbortSignal,
): Promise<void> {
  const account_id = accountOf(action)
  const [balancers, pools] = await Promise.all([
    ask('read the load balancers', balancersShape, (client, options) => client.loadBalancers.list({ zone_id }, options), signal),
    ask('read the pools', poolsShape, (client, options) => client.loadBalancers.pools.list({ account_id }, options), signal),
  ])
  const found = balancers.result.find(one => one.name === name && one.description === markOf(owner))
  if (found !== undefined)
    await ask(
      `remove the load balancer ${name}`,
      doneShape,
      (client, options) => client.loadBalancers.delete(found.id, { zone_id }, options),
      signal,
    )
  for (const { id } of poolsOf(name, pools.result, owner)) await removePool(ask, account_id, id, signal)
}

async function removePool(ask: ZoneAccess['ask'], account_id: string, id: string, signal: AbortSignal): Promise<void> {
  await ask(
    'remove a pool',
    doneShape,
    (client, options) => client.loadBalancers.pools.delete(id, { account_id }, options),
    signal,
  )
}

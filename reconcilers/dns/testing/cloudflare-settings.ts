import type { z } from 'zod'
import { newId, Refused } from './cloudflare-records.ts'
import {
  balancerAnswer,
  balancerBody,
  phaseOf,
  poolAnswer,
  poolBody,
  purgeBody,
  type RuleBody,
  routeAnswer,
  routeBody,
  ruleBody,
  rulesetAnswer,
  rulesetBody,
  settingBody,
  type TestPhase,
} from './cloudflare-setting-shapes.ts'

type Ruleset = z.output<typeof rulesetAnswer>

/** What a zone has besides its records; plans as Cloudflare's free one, unless said. */
export interface SettingsBook {
  readonly settings: Map<string, unknown>
  readonly rulesets: Map<TestPhase, Ruleset>
  readonly routes: Map<string, z.output<typeof routeAnswer>>
  readonly balancers: Map<string, z.output<typeof balancerAnswer>>
  readonly purges: unknown[]
  /** Rules that the plan allows in each phase. */
  readonly most: Record<TestPhase, number>
  hasBalancers: boolean
  /** Adds a rule as somebody else would. */
  ruleByHand(phase: TestPhase, rule: RuleBody): void
}

const defaults = {
  ...{ ssl: 'full', always_use_https: 'off', min_tls_version: '1.0', security_level: 'medium', cache_level: 'aggressive' },
  ...{ browser_cache_ttl: 14_400, challenge_ttl: 1_800, automatic_https_rewrites: 'on', opportunistic_encryption: 'on' },
  ...{ http2: 'on', http3: 'on', tls_1_3: 'on', brotli: 'on', early_hints: 'off', websockets: 'on', ipv6: 'on' },
  ...{ always_online: 'off', browser_check: 'on', email_obfuscation: 'on', hotlink_protection: 'off', development_mode: 'off' },
}

export function createSettingsBook(): SettingsBook {
  const rulesets = new Map<TestPhase, Ruleset>()
  return {
    settings: new Map(Object.entries(defaults)),
    rulesets,
    ...{ routes: new Map(), balancers: new Map(), purges: [], hasBalancers: false },
    most: {
      ...{
        http_request_firewall_custom: 5,
        http_ratelimit: 1,
        http_request_dynamic_redirect: 10,
        http_request_cache_settings: 10,
      },
    },
    ruleByHand(phase, rule) {
      const ruleset = rulesets.get(phase) ?? emptyRuleset(phase)
      rulesets.set(phase, { ...ruleset, rules: [...ruleset.rules, storedRule(rule)] })
    },
  }
}

const now = () => new Date().toISOString()
const emptyRuleset = (phase: TestPhase): Ruleset => ({
  ...{ id: newId(), kind: 'zone', last_updated: now(), name: 'default', phase, version: '1', rules: [] },
})
const storedRule = (rule: RuleBody, id = newId()): Ruleset['rules'][number] => ({
  ...{ version: '1', last_updated: now(), expression: rule.expression ?? 'true', enabled: rule.enabled ?? true },
  ...rule,
  ...{ action: rule.action ?? 'block', id, ref: rule.ref ?? id },
})

export interface SettingCall {
  readonly method: string
  /** Below the zone. */
  readonly path: readonly string[]
  readonly body: unknown
}
type Agree = <T>(what: string, schema: z.ZodType<T>, value: unknown) => T
type Answer = { readonly result: unknown }

/** Gives undefined for what is none of its business. */
export function routeSettings(book: SettingsBook, call: SettingCall, agree: Agree): Answer | undefined {
  const [part] = call.path
  if (part === 'settings') return routeSetting(book, call, agree)
  if (part === 'rulesets') return routeRulesets(book, call, agree)
  if (part === 'workers') return routeRoutes(book, call, agree)
  if (part === 'load_balancers') return routeBalancers(book, call, agree)
  if (part === 'purge_cache' && call.method === 'POST') {
    book.purges.push(agree('purge', purgeBody, call.body))
    return { result: { id: newId() } }
  }
  return undefined
}

function routeSetting({ settings }: SettingsBook, { method, path: [, id = ''], body }: SettingCall, agree: Agree): Answer {
  if (!settings.has(id)) throw new Refused(400, 1006, `Unrecognized zone setting name: ${id}`)
  if (method === 'PATCH') {
    const { value } = agree('setting', settingBody, body)
    if (typeof value !== typeof settings.get(id)) throw new Refused(400, 1007, `Invalid value for zone setting ${id}`)
    settings.set(id, value)
  }
  return { result: { id, value: settings.get(id), editable: true, modified_on: now() } }
}

function routeRulesets(book: SettingsBook, { method, path, body }: SettingCall, agree: Agree): Answer {
  const { rulesets, most } = book
  const [, second = '', third = '', fourth = ''] = path
  const answer = (ruleset: Ruleset) => ({ result: agree('answer', rulesetAnswer, ruleset) })
  const keep = (ruleset: Ruleset): Answer => {
    if (ruleset.rules.length > most[ruleset.phase])
      throw new Refused(
        400,
        20_217,
        `exceeded maximum number of rules in the phase ${ruleset.phase}: ${most[ruleset.phase]}; upgrade your plan`,
      )
    for (const { expression } of ruleset.rules)
      if (!expression.startsWith('(') && expression !== 'true')
        throw new Refused(400, 20_127, `'${expression}' is not a valid value for expression`)
    rulesets.set(ruleset.phase, { ...ruleset, last_updated: now(), version: String(Number(ruleset.version) + 1) })
    return answer(ruleset)
  }
  if (second === 'phases') {
    const phase = phaseOf(third)
    const ruleset = phase === undefined ? undefined : rulesets.get(phase)
    if (ruleset === undefined) throw new Refused(404, 10_003, `could not find entrypoint ruleset in the "${third}" phase`)
    return answer(ruleset)
  }
  if (second === '' && method === 'POST') {
    const { phase, rules = [], name = '', kind } = agree('ruleset', rulesetBody, body)
    if (phase === undefined || kind !== 'zone') throw new Refused(400, 20_001, 'phase and kind are required')
    if (rulesets.has(phase))
      throw new Refused(
        400,
        20_217,
        `'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase ${phase}`,
      )
    return keep({ ...emptyRuleset(phase), name, rules: rules.map(rule => storedRule(rule)) })
  }
  const ruleset = [...rulesets.values()].find(({ id }) => id === second)
  if (ruleset === undefined || third !== 'rules') throw new Refused(404, 10_001, 'could not find ruleset')
  if (method === 'POST') return keep({ ...ruleset, rules: [...ruleset.rules, storedRule(agree('rule', ruleBody, body))] })
  if (!ruleset.rules.some(({ id }) => id === fourth)) throw new Refused(404, 10_002, 'could not find rule')
  if (method === 'DELETE') return keep({ ...ruleset, rules: ruleset.rules.filter(({ id }) => id !== fourth) })
  const changed = storedRule(agree('rule', ruleBody, body), fourth)
  return keep({ ...ruleset, rules: ruleset.rules.map(rule => (rule.id === fourth ? changed : rule)) })
}

function routeRoutes({ routes }: SettingsBook, { method, path: [, , id], body }: SettingCall, agree: Agree): Answer {
  if (method === 'GET') return { result: [...routes.values()].map(route => agree('answer', routeAnswer, route)) }
  if (method === 'DELETE') {
    if (id === undefined || !routes.delete(id)) throw new Refused(404, 10_007, 'workers.api.error.route_not_found')
    return { result: { id } }
  }
  const route = { id: id ?? newId(), ...agree('route', routeBody, body) }
  if ([...routes.values()].some(other => other.pattern === route.pattern && other.id !== route.id))
    throw new Refused(409, 10_020, 'workers.api.error.duplicate_route')
  if (route.script === 'missing') throw new Refused(404, 10_019, 'workers.api.error.script_not_found')
  routes.set(route.id, route)
  return { result: route }
}

function routeBalancers(book: SettingsBook, { method, path: [, id], body }: SettingCall, agree: Agree): Answer {
  const { balancers, hasBalancers } = book
  if (!hasBalancers) throw new Refused(403, 1002, 'Load Balancing is not enabled: not entitled, subscribe to it for this zone')
  if (method === 'GET') return { result: [...balancers.values()].map(one => agree('answer', balancerAnswer, one)) }
  if (method === 'DELETE') {
    if (id === undefined || !balancers.delete(id)) throw new Refused(404, 1001, 'load balancer not found')
    return { result: { id } }
  }
  const balancer = { id: id ?? newId(), created_on: now(), modified_on: now(), ...agree('load balancer', balancerBody, body) }
  balancers.set(balancer.id, balancer)
  return { result: agree('answer', balancerAnswer, balancer) }
}

export type PoolBook = Map<string, z.output<typeof poolAnswer>>

/** Pools belong to the account; one that a balancer leads to cannot be removed. */
export function routePools(
  pools: PoolBook,
  books: readonly SettingsBook[],
  { method, path: [id], body }: SettingCall,
  agree: Agree,
): Answer {
  if (method === 'GET') return { result: [...pools.values()].map(pool => agree('answer', poolAnswer, pool)) }
  if (method === 'DELETE') {
    const used = books.some(({ balancers }) =>
      [...balancers.values()].some(one => id !== undefined && one.default_pools?.includes(id)),
    )
    if (used) throw new Refused(412, 1005, 'pool is referenced by a load balancer')
    if (id === undefined || !pools.delete(id)) throw new Refused(404, 1001, 'pool not found')
    return { result: { id } }
  }
  const pool = { id: id ?? newId(), created_on: now(), modified_on: now(), ...agree('pool', poolBody, body) }
  pools.set(pool.id, pool)
  return { result: agree('answer', poolAnswer, pool) }
}

import {
  balancerName,
  type CloudflareSettings,
  toggleNames,
  valueNames,
} from '../../../../desired-state/documents/cloudflare-schema.ts'
import type { CloudflareProvider, DesiredState } from '../../../../desired-state/state.ts'
import { type Phase, type Rule, rulesOf } from './rules.ts'

interface Place {
  readonly zone: string
  readonly provider: CloudflareProvider
}

export type Thing =
  | { readonly type: 'setting'; readonly id: string; readonly value: string | number }
  | { readonly type: 'rule'; readonly phase: Phase; readonly name: string; readonly rule: Rule }
  | { readonly type: 'route'; readonly pattern: string; readonly script: string }
  | Balancer

export interface Balancer {
  readonly type: 'balancer'
  /** Host name. */
  readonly name: string
  /** In order. */
  readonly pools: readonly { readonly name: string; readonly servers: readonly string[] }[]
  readonly fallback: string
  readonly steering: string
  readonly proxied: boolean
}

export type SettingItem = Place & Thing

/** One item for each thing that is declared; its key is `zone/ssl`, `zone/waf/block-bots`. */
export function selectSettings({ dns }: DesiredState): ReadonlyMap<string, SettingItem> {
  const items = new Map<string, SettingItem>()
  for (const { name: zone, provider, cloudflare } of dns.values()) {
    if (provider.type !== 'cloudflare' || cloudflare === undefined) continue
    for (const [key, thing] of thingsOf(zone, cloudflare)) items.set(`${zone}/${key}`, { zone, provider, ...thing })
  }
  return items
}

function thingsOf(zone: string, declared: CloudflareSettings): readonly (readonly [string, Thing])[] {
  const fields: Readonly<Record<string, unknown>> = declared
  return [
    ...[...valueNames, ...toggleNames].flatMap((id): (readonly [string, Thing])[] => {
      const value = fields[id]
      if (typeof value === 'boolean') return [[id, { type: 'setting', id, value: value ? 'on' : 'off' }]]
      return typeof value === 'string' || typeof value === 'number' ? [[id, { type: 'setting', id, value }]] : []
    }),
    ...rulesOf(declared).map(({ area, ...rule }): readonly [string, Thing] => [
      `${area}/${rule.name}`,
      { type: 'rule', ...rule },
    ]),
    ...Object.entries(declared.workers_routes).map(([pattern, script]): readonly [string, Thing] => [
      `workers_routes/${pattern}`,
      { type: 'route', pattern, script },
    ]),
    ...Object.entries(declared.load_balancers).map(([key, { pools, fallback, steering, proxied }]): readonly [string, Thing] => {
      const name = balancerName(zone, key)
      const listed = Object.entries(pools).map(([pool, servers]) => ({ name: pool, servers }))
      const last = fallback ?? listed.at(-1)?.name ?? ''
      return [`load_balancers/${name}`, { type: 'balancer', name, pools: listed, fallback: last, steering, proxied }]
    }),
  ]
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zoneOf } from '../desired-state/documents/dns.ts'
import type { CloudflareProvider, DesiredState, DnsZone } from '../desired-state/state.ts'
import { trafficOf } from '../reconcilers/dns/cloudflare/analytics.ts'
import { createAsk } from '../reconcilers/dns/cloudflare/api.ts'
import { purgeCache } from '../reconcilers/dns/cloudflare/purge.ts'
import { createKeptSettings } from '../reconcilers/dns/cloudflare/settings/kept.ts'
import type { ZoneAccess } from '../reconcilers/dns/cloudflare/settings/observe.ts'
import { zoneId, zonesOf } from '../reconcilers/dns/cloudflare/zones.ts'
import { createKeptZones } from '../reconcilers/dns/kept-zones.ts'
import { snapshotNames } from '../reconcilers/dns/snapshots.ts'
import type { Engine, ResourceStatus } from '../reconcilers/engine/status.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { ApplianceError, systemCode } from '../runtime/os/errors.ts'
import type { Home } from '../runtime/os/home.ts'
import type { DnsDesk } from '../web/api/dns.ts'
import type { DnsAccess } from './dns.ts'

export interface DnsDeskDeps {
  readonly home: Home
  readonly clock: Clock
  readonly access: DnsAccess
  readonly engine: Pick<Engine, 'status' | 'wake'> & { state(): DesiredState | undefined }
}

const kinds = ['dns-record', 'site-record', 'cloudflare-setting'] as const
const isKind = (kind: string): kind is (typeof kinds)[number] => kinds.some(one => one === kind)

/** What the door shows of DNS, and the few things that it has done there besides keeping it as declared. */
export function createDnsDesk({ home, clock, access, engine }: DnsDeskDeps): DnsDesk {
  const folder = join(home.root, 'dns')
  const zones = () => engine.state()?.dns ?? new Map<string, DnsZone>()
  const resourcesOf = (zone: string) =>
    engine.status().resources.filter(({ kind, key }) => isKind(kind) && zoneOfKey(zones(), key) === zone)
  const atCloudflare = (name: string): ZoneAccess => {
    const provider = zones().get(name)?.provider
    if (provider?.type === 'cloudflare') return accessTo(access, name, provider)
    throw new ApplianceError('invalid', `dns.yaml has no zone ${name} at Cloudflare`, { hint: 'the verb dns list has them' })
  }
  return {
    zones: () => [...zones().values()].map(zone => glanceOf(zone, resourcesOf(zone.name), missingIn(access, zone.name))),
    records(name) {
      const zone = zones().get(name)
      if (zone === undefined) return undefined
      const declared = new Map(zone.records.map(set => [`${set.name}/${set.type}`, set]))
      return resourcesOf(name).flatMap(({ kind, key, state, message }) => {
        if (!isKind(kind) || key === name) return []
        const set = declared.get(key)
        const said = set === undefined ? { values: [] } : { values: set.values, ttl: set.ttl, proxied: set.proxied ?? false }
        return [{ kind, key, ...said, state, message }]
      })
    },
    snapshots: async name => (zones().has(name) ? snapshotNames(join(folder, name)).catch(noFolder) : []),
    async snapshot(zone, name) {
      if (!zones().has(zone) || !/^[0-9TZ.-]+\.json$/.test(name)) return undefined
      const text = await readFile(join(folder, zone, name), 'utf8').catch(error => {
        if (systemCode(error) === 'ENOENT') return undefined
        throw error
      })
      return text === undefined ? undefined : JSON.parse(text)
    },
    purge: (zone, files, signal) => purgeCache(zone, files.length === 0 ? 'everything' : { files }, atCloudflare(zone), signal),
    async account(name, signal) {
      const declared = [...zones().values()].map(({ provider }) => provider).find(one => one.name === name)
      if (declared?.type !== 'cloudflare') return undefined
      const found = await zonesOf({ declared, ask: createAsk(declared, access.cloudflare(declared)) }, signal)
      return found.map(({ name: zone, status = '', name_servers }) => ({
        ...{ zone, status, name_servers: name_servers ?? [], declared: zones().get(zone)?.provider.name === name },
      }))
    },
    traffic(zone, days, signal) {
      const since = new Date(clock.now().getTime() - (days - 1) * 86_400_000).toISOString().slice(0, 10)
      return trafficOf(zone, since, atCloudflare(zone), signal)
    },
    async forget(zone) {
      if (zones().has(zone)) return false
      const settings = createKeptSettings(folder)
      const remembered = await Promise.all(
        (['dns-record', 'site-record'] as const).map(async kind => {
          const kept = createKeptZones(folder, kind)
          const own = (await kept.all()).filter(one => one.zone === zone)
          for (const one of own) await kept.forget(one)
          return own.length
        }),
      )
      const hadSettings = (await settings.read(zone)) !== undefined
      await settings.forget(zone)
      for (const kind of kinds) engine.wake(kind, `${zone} was forgotten`)
      return hadSettings || remembered.some(count => count > 0)
    },
  }
}

export function accessTo(access: DnsAccess, zone: string, declared: CloudflareProvider): ZoneAccess {
  const deps = access.cloudflare(declared)
  const ask = createAsk(declared, deps)
  return { ask, zoneId: signal => zoneId({ declared, ask, zones: deps.account.zones }, zone, signal) }
}

/** Keys are `name/TYPE`, a zone's name, or `zone/setting`. */
const zoneOfKey = (zones: ReadonlyMap<string, DnsZone>, key: string): string | undefined =>
  zoneOf(zones, key.slice(0, key.includes('/') ? key.indexOf('/') : key.length))?.name

/** Servers that lack records which count as ready. */
const missingIn = ({ propagation }: DnsAccess, zone: string): readonly string[] => [
  ...new Set(Object.values(propagation).flatMap(({ missing }) => missing(zone) ?? [])),
]

function glanceOf({ name, provider }: DnsZone, resources: readonly ResourceStatus[], missing: readonly string[]) {
  const open = resources.filter(({ state }) => state !== 'ready')
  const count = (kind: string) => resources.filter(one => one.kind === kind && one.key !== name).length
  return {
    ...{ zone: name, provider: provider.name, type: provider.type, records: count('dns-record') + count('site-record') },
    ...{ settings: count('cloudflare-setting'), state: open[0]?.state ?? 'ready' },
    problems: [
      ...open.map(({ key, state, message }) => `${key} is ${state}: ${message}`),
      ...missing.map(what => `${name} is served ${what}`),
    ],
  }
}

const noFolder = (error: unknown): readonly string[] => {
  if (systemCode(error) === 'ENOENT') return []
  throw error
}

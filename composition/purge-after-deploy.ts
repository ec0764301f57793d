import { zoneOf } from '../desired-state/documents/dns.ts'
import type { DesiredState } from '../desired-state/state.ts'
import { purgeCache } from '../reconcilers/dns/cloudflare/purge.ts'
import { siteRecords } from '../reconcilers/dns/item.ts'
import { backoff } from '../runtime/os/backoff.ts'
import type { Clock } from '../runtime/os/clock.ts'
import { explain } from '../runtime/os/errors.ts'
import type { Log } from '../runtime/os/log.ts'
import type { DnsAccess } from './dns.ts'
import { accessTo } from './dns-desk.ts'

export interface PurgeDeps {
  readonly access: DnsAccess
  readonly state: () => DesiredState | undefined
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly ending: AbortSignal
}

const tries = 8
const waits = { first: 2_000, longest: 300_000 }

/** After a new release of a site Cloudflare forgets what it keeps of its names, where requests go through it. */
export function purgeAfterDeploy({ access, state, clock, log, random, ending }: PurgeDeps): (names: readonly string[]) => void {
  const purge = async (zone: string, hosts: readonly string[]): Promise<void> => {
    const provider = state()?.dns.get(zone)?.provider
    if (provider?.type !== 'cloudflare') return
    for (let attempt = 1; !ending.aborted; attempt++) {
      try {
        await purgeCache(zone, { hosts }, accessTo(access, zone, provider), ending)
        return log.info('cache purged', { key: zone, hosts: hosts.join(', ') })
      } catch (error) {
        const last = attempt === tries
        log.warn(last ? 'cache not purged' : 'cache not purged yet', {
          key: zone,
          hosts: hosts.join(', '),
          error: explain(error),
        })
        if (last) return
        await clock.sleep(backoff(waits, attempt, random()), ending)
      }
    }
  }
  return names => {
    const now = state()
    if (now === undefined) return
    for (const [zone, hosts] of Map.groupBy(
      names.filter(name => isProxied(now, name)),
      name => zoneOf(now.dns, name)?.name ?? '',
    ))
      void purge(zone, hosts)
  }
}

/** Whether requests for a name go through Cloudflare, by what is declared. */
function isProxied(state: DesiredState, name: string): boolean {
  const zone = zoneOf(state.dns, name)
  if (zone === undefined || zone.provider.type !== 'cloudflare') return false
  const own = zone.records.filter(set => set.name === name)
  const derived = [...siteRecords(state, ['203.0.113.1']).values()].flatMap(item =>
    item.type === 'zone' || item.name !== name ? [] : [item],
  )
  return [...own, ...derived].some(({ proxied }) => proxied === true)
}

import { lookup } from 'node:dns/promises'
import { ensureConfiguration } from '../reconcilers/sites/sites.ts'
import type { SitesDependencies } from '../reconcilers/sites/world.ts'
import { systemClock } from '../runtime/os/clock.ts'
import type { Environment } from '../runtime/os/environment.ts'
import type { Log } from '../runtime/os/log.ts'
import { hasIpv6 } from '../runtime/os/network.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { nginxService } from '../runtime/services/nginx.ts'
import { nginxControl } from '../runtime/services/nginx-process.ts'
import type { ProbedService } from '../runtime/services/outside.ts'
import { postgresService } from '../runtime/services/postgres.ts'
import { findPostgres } from '../runtime/services/postgres-program.ts'
import { postgresAnswers, type RedisAddress, redisAnswers } from '../runtime/services/probes.ts'
import { ownRedis, redisService } from '../runtime/services/redis.ts'
import type { Service } from '../runtime/services/service.ts'
import { tmuxService } from '../runtime/services/tmux.ts'
import type { StoreAddress } from '../runtime/store/store.ts'

/** `children`: main.ts supervises; `systemd`: a unit for each. */
export type Mode = 'children' | 'systemd'

export const databaseName = 'ai_infrastructure'

export const storeAddress = ({ databaseUrl, home }: Environment): StoreAddress =>
  databaseUrl === undefined ? { socketFolder: home.postgresSockets, database: databaseName } : { url: databaseUrl }

export const redisAddress = async ({ redisUrl, home }: Environment): Promise<RedisAddress> =>
  redisUrl === undefined ? ownRedis(home) : { url: redisUrl }

/** What the sites are kept with, here and wherever nginx is only prepared. */
export function sitesDependencies({ home, httpPort, httpsPort, portalPort }: Environment, log: Log): SitesDependencies {
  return {
    home,
    ports: { http: httpPort, https: httpsPort, portal: portalPort },
    spawn,
    resolve: async host => (await lookup(host, { all: true, verbatim: true })).map(found => found.address),
    clock: systemClock,
    nginx: nginxControl(home),
    log: log.with({ component: 'sites' }),
    ipv6: hasIpv6(),
  }
}

/** One of our own services, described for this environment. */
export async function describeService(name: Service['name'], environment: Environment, mode: Mode, log: Log): Promise<Service> {
  const { home } = environment
  switch (name) {
    case 'postgres':
      return postgresService(home, await findPostgres(home))
    case 'redis':
      return redisService(home)
    case 'tmux':
      return tmuxService(home)
    case 'nginx': {
      const sites = sitesDependencies(environment, log)
      const confinement = mode === 'systemd' ? 'systemd' : 'bwrap'
      return nginxService({ home, ports: sites.ports, confinement, configure: () => ensureConfiguration(sites) })
    }
  }
}

/** The services that this appliance runs itself: an outside server takes the place of Postgres or Redis. */
export function ownServices({ databaseUrl, redisUrl }: Environment): Service['name'][] {
  return [
    ...(databaseUrl === undefined ? ['postgres' as const] : []),
    ...(redisUrl === undefined ? ['redis' as const] : []),
    'nginx',
    'tmux',
  ]
}

/** Servers of somebody else that this appliance uses; they are only looked at. */
export function outsideServices(environment: Environment): ProbedService[] {
  const store = storeAddress(environment)
  const { redisUrl } = environment
  return [
    ...('url' in store ? [outside('postgres', 'DATABASE_URL', signal => postgresAnswers(store, signal))] : []),
    ...(redisUrl === undefined ? [] : [outside('redis', 'REDIS_URL', signal => redisAnswers({ url: redisUrl }, signal))]),
  ]
}

const outside = (name: Service['name'], variable: string, ready: ProbedService['ready']): ProbedService => ({
  name,
  kind: 'outside',
  ready,
  silence: `the server that ${variable} names does not answer`,
})

import { type Clock, systemClock } from '../os/clock.ts'
import { ApplianceError } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import { type Log, silentLog } from '../os/log.ts'
import { type Keeper, keepService } from './keeper.ts'
import { type ProbedService, watchService } from './outside.ts'
import type { Service, ServiceStatus } from './service.ts'

export interface Supervisor {
  /** Starts everything at once. Returns when each is ready or has failed once; failures go on being retried. */
  start(): Promise<void>
  /** Ends what runs as our child, last of the list first. Afterwards none of its processes lives. Final. */
  stop(): Promise<void>
  /** In the order of the list. */
  status(): ServiceStatus[]
  subscribe(listener: (status: ServiceStatus) => void): () => void
  /** Ends one and starts it again; an `outside` one and a unit of systemd are left alone, with an error that says so. */
  restart(name: Service['name']): Promise<void>
}

export interface SupervisorOptions {
  readonly home: Home
  /** Started in parallel, stopped in reverse order. */
  readonly services: readonly Service[]
  /** Not started, only probed: outside servers. */
  readonly outside?: readonly ProbedService[]
  /** `systemd`: units run the services, nothing is started here and the status comes from probes. Default `children`. */
  readonly mode?: 'children' | 'systemd'
  readonly clock?: Clock
  readonly log?: Log
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { home, services, outside = [], mode = 'children', clock = systemClock, log = silentLog } = options
  const listeners = new Set<(status: ServiceStatus) => void>()
  const changed = (status: ServiceStatus) => {
    for (const listener of listeners) listener(status)
  }
  const kept: Keeper[] =
    mode === 'children'
      ? services.map(service => keepService(service, { home, clock, log, changed }))
      : services.map(service => watchService(unitOf(service), clock, changed))
  const all = [...outside.map(service => watchService(service, clock, changed)), ...kept]

  return {
    async start() {
      await Promise.all(all.map(keeper => keeper.start()))
    },
    async stop() {
      for (const keeper of all.toReversed()) await keeper.stop()
    },
    status: () => all.map(keeper => keeper.status()),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async restart(name) {
      const keeper = kept.find(one => one.name === name)
      if (keeper === undefined || mode === 'systemd') {
        const hint = mode === 'systemd' ? `systemctl restart ai-infra-${name}` : 'restart it where it runs'
        throw new ApplianceError('invalid', 'this service is not run by the appliance itself', { subject: name, hint })
      }
      await keeper.restart()
    },
  }
}

const unitOf = (service: Service): ProbedService => ({
  name: service.name,
  kind: 'unit',
  ready: signal => service.ready(signal),
  silence: `does not answer; look at: journalctl -u ai-infra-${service.name}`,
})

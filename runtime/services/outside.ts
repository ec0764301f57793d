import type { Clock } from '../os/clock.ts'
import type { Keeper } from './keeper.ts'
import type { Service, ServiceState, ServiceStatus } from './service.ts'

/** A service that somebody else runs: an outside server, or a unit of systemd. It is only probed. */
export interface ProbedService {
  readonly name: Service['name']
  /** `outside` for an outside server; a unit of ours is `ready` or `starting`. */
  readonly kind: 'outside' | 'unit'
  ready(signal: AbortSignal): Promise<boolean>
  /** What to say while it does not answer. */
  readonly silence: string
}

const lookEvery = 5_000
const answerWithin = 5_000
const patience = 20_000

export function watchService(service: ProbedService, clock: Clock, changed: (status: ServiceStatus) => void): Keeper {
  const stopping = new AbortController()
  const settled = Promise.withResolvers<void>()
  let status = statusOf(service.kind === 'outside' ? 'outside' : 'starting', '')
  let watching: Promise<void> | undefined

  function statusOf(state: ServiceState, message: string): ServiceStatus {
    return { name: service.name, state, pid: undefined, message, since: clock.now().toISOString() }
  }

  function set(state: ServiceState, message: string) {
    if (status.state === state && status.message === message) return
    status = statusOf(state, message)
    changed(status)
  }

  async function watch() {
    const from = clock.now().getTime()
    let pause = 20
    while (!stopping.signal.aborted) {
      const answered = await service.ready(AbortSignal.any([stopping.signal, AbortSignal.timeout(answerWithin)]))
      if (stopping.signal.aborted) return
      if (answered) set(service.kind === 'outside' ? 'outside' : 'ready', '')
      else set(service.kind === 'outside' ? 'outside' : 'starting', service.silence)
      if (answered || clock.now().getTime() - from > patience) settled.resolve()
      pause = answered ? lookEvery : Math.min(pause * 2, lookEvery)
      await clock.sleep(pause, stopping.signal)
    }
  }

  return {
    name: service.name,
    status: () => status,
    start() {
      watching ??= watch()
      return settled.promise
    },
    async stop() {
      stopping.abort()
      await watching
      settled.resolve()
    },
    restart: () => Promise.resolve(),
  }
}

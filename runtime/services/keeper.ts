import { backoff } from '../os/backoff.ts'
import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import type { Log } from '../os/log.ts'
import { isAlive } from '../os/process.ts'
import type { Service, ServiceState, ServiceStatus } from './service.ts'
import { limitServiceLog } from './service-log.ts'
import { adoptOrStart, endService, type ServiceProcess } from './service-process.ts'

/** Keeps one service alive. */
export interface Keeper {
  readonly name: Service['name']
  /** Returns once it is ready, its first attempt failed, or it takes very long; the keeping goes on by itself. */
  start(): Promise<void>
  /** Returns when none of its processes lives. */
  stop(): Promise<void>
  /** Ends it and returns once the next one is ready or failed. */
  restart(): Promise<void>
  status(): ServiceStatus
}

export interface KeeperTools {
  readonly home: Home
  readonly clock: Clock
  readonly log: Log
  readonly changed: (status: ServiceStatus) => void
}

const patience = 60_000
const restarts = { first: 100, longest: 30_000 }
const healthyAfter = 60_000
const lookEvery = 10_000
const answerWithin = 5_000

export function keepService(service: Service, tools: KeeperTools): Keeper {
  const { home, clock } = tools
  const log = tools.log.with({ component: 'services', key: service.name })
  const stopping = new AbortController()
  let status: ServiceStatus = statusOf('stopped', undefined, '')
  let current: ServiceProcess | undefined
  let keeping: Promise<void> | undefined
  let settled = Promise.withResolvers<void>()
  let hurry = new AbortController()
  let ending: Promise<void> = Promise.resolve()

  function statusOf(state: ServiceState, pid: number | undefined, message: string): ServiceStatus {
    return { name: service.name, state, pid, message, since: clock.now().toISOString() }
  }

  function set(state: ServiceState, message: string) {
    const pid = current?.facts.pid
    if (status.state === state && status.message === message && status.pid === pid) return
    status = statusOf(state, pid, message)
    tools.changed(status)
  }

  async function keep() {
    let failures = 0
    while (!stopping.signal.aborted) {
      const { why, healthy } = await live()
      if (stopping.signal.aborted) return
      const asked = hurry.signal.aborted
      failures = healthy || asked ? 0 : failures + 1
      const delay = asked ? 0 : backoff(restarts, failures + 1, Math.random())
      set('restarting', why)
      if (!asked) {
        log.warn('service ended', { why, again_in_ms: delay })
        settled.resolve()
      }
      await clock.sleep(delay, AbortSignal.any([stopping.signal, hurry.signal]))
      hurry = new AbortController()
      // What ends the old one looks for what it leaves behind, and would take the next one for it.
      await ending
    }
  }

  /** One life of the service: from its start, or adoption, to its end. */
  async function live(): Promise<{ why: string; healthy: boolean }> {
    set('starting', status.state === 'restarting' ? status.message : '')
    let readyAt: number | undefined
    try {
      current = await adoptOrStart(service, home)
      set('starting', '')
      const over = new AbortController()
      const end = current.ended(AbortSignal.any([stopping.signal, over.signal]))
      if (await becomesReady(current)) {
        readyAt = clock.now().getTime()
        log.info('service ready', { pid: current.facts.pid, adopted: current.adopted })
        set('ready', '')
        settled.resolve()
        await watch(current, end)
      }
      const why = await end
      over.abort()
      return { why, healthy: readyAt !== undefined && clock.now().getTime() - readyAt >= healthyAfter }
    } catch (error) {
      return { why: explain(error), healthy: false }
    } finally {
      if (!stopping.signal.aborted) current = undefined
    }
  }

  async function becomesReady(one: ServiceProcess): Promise<boolean> {
    const from = clock.now().getTime()
    for (let pause = 5; isAlive(one.facts) && !stopping.signal.aborted; pause = Math.min(pause * 1.5, 500)) {
      if (await answers()) return true
      if (clock.now().getTime() - from > patience) settled.resolve()
      if (clock.now().getTime() - from > answerWithin) set('starting', `runs (pid ${one.facts.pid}), and does not answer yet`)
      await clock.sleep(pause, stopping.signal)
    }
    return false
  }

  /** Looks now and then whether it still answers, until it ends. It is not killed for being slow. */
  async function watch(one: ServiceProcess, end: Promise<string>) {
    const over = new AbortController()
    const ended = end.then(() => over.abort())
    const either = AbortSignal.any([over.signal, stopping.signal])
    while (!either.aborted) {
      await clock.sleep(lookEvery, either)
      if (either.aborted) break
      await limitServiceLog(home, service)
      if (await answers()) set('ready', '')
      else if (!either.aborted) set('starting', `runs (pid ${one.facts.pid}), and does not answer`)
    }
    await ended
  }

  const answers = () => service.ready(AbortSignal.any([stopping.signal, AbortSignal.timeout(answerWithin)]))

  return {
    name: service.name,
    status: () => status,
    start() {
      keeping ??= keep()
      return settled.promise
    },
    async stop() {
      stopping.abort()
      await keeping
      if (current !== undefined) await endService(service, home, current.facts)
      current = undefined
      settled.resolve()
      set('stopped', '')
    },
    async restart() {
      settled = Promise.withResolvers()
      hurry.abort()
      if (current !== undefined) ending = endService(service, home, current.facts)
      await ending
      await settled.promise
    },
  }
}

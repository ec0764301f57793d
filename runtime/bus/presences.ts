import type { AgentPresence } from './agents.ts'
import type { Heartbeat } from './protocol.ts'

/** Milliseconds without a heartbeat after which an agent counts as offline. */
export const heartbeatLimit = 30_000

/** What a process last said of itself. */
export interface Report extends Heartbeat {
  /** Milliseconds since 1970 of the last heartbeat. */
  readonly at: number
}

/** The heartbeats of all agents, in memory: a restarted runtime hears them again within a second. */
export interface Presences {
  /** True when another process speaks than last time. */
  heard(name: string, heartbeat: Heartbeat): boolean
  /** The last report, if it is younger than the limit. */
  report(name: string): Report | undefined
  /** The process is known to be gone. */
  gone(name: string): void
  all(names: readonly string[]): readonly AgentPresence[]
  stop(): void
}

export function createPresences(now: () => number, changed: (presence: AgentPresence) => void): Presences {
  const reports = new Map<string, Report>()
  const timers = new Map<string, Timer>()
  const gone = (name: string) => {
    clearTimeout(timers.get(name))
    timers.delete(name)
    if (reports.delete(name)) changed(offline(name))
  }
  return {
    gone,
    heard(name, heartbeat) {
      const last = reports.get(name)
      const report = { ...heartbeat, at: now() }
      reports.set(name, report)
      clearTimeout(timers.get(name))
      timers.set(
        name,
        setTimeout(() => gone(name), heartbeatLimit),
      )
      changed(presenceOf(name, report))
      return last === undefined || last.pid !== heartbeat.pid || last.startedAt !== heartbeat.startedAt
    },
    report: name => reports.get(name),
    all: names =>
      names.map(name => {
        const report = reports.get(name)
        return report === undefined ? offline(name) : presenceOf(name, report)
      }),
    stop() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
  }
}

const presenceOf = (name: string, report: Report): AgentPresence => ({
  name,
  activity: report.activity,
  doing: report.doing,
  pid: report.pid,
  heartbeatAt: new Date(report.at).toISOString(),
  startedAt: report.startedAt,
})

const offline = (name: string): AgentPresence => ({
  name,
  activity: 'offline',
  doing: '',
  pid: undefined,
  heartbeatAt: undefined,
  startedAt: undefined,
})

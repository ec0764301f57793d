import type { Alert, Alerts } from '../../../runtime/health/alerts.ts'
import type { AgentHealth, Health } from '../../../runtime/health/health.ts'

/** Health that a test writes down. */
export interface FakeHealth extends Pick<Health, 'all' | 'one' | 'subscribe'> {
  put(health: AgentHealth): void
}

export function fakeHealth(): FakeHealth {
  const known = new Map<string, AgentHealth>()
  const listeners = new Set<(health: AgentHealth) => void>()
  return {
    put(health) {
      known.set(health.agent, health)
      for (const listener of listeners) listener(health)
    },
    all: () => [...known.values()],
    one: agent => known.get(agent),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export const health = (agent: string, changes: Partial<AgentHealth> = {}): AgentHealth => ({
  ...{ agent, status: 'healthy', reason: '', doing: '', waitingFor: '', currentTask: undefined },
  ...{ lastHeartbeat: new Date().toISOString(), lastTaskCompleted: undefined, uptimeSeconds: 11_400 },
  ...{ tasksCompletedLastHour: 4, tasksFailedLastHour: 0, avgResponseTimeMs: 1_840, errorRatePercent: 0, samples: 31 },
  ...{ memoryUsageMb: 41, cpuPercent: 1, queueDepth: 0, stalledSince: undefined, recoveryAttempts: 0, pausedUntil: undefined },
  ...changes,
})

export interface FakeAlerts extends Alerts {
  put(alert: Alert): void
  readonly seen: string[]
}

export function fakeAlerts(): FakeAlerts {
  const known = new Map<string, Alert>()
  const listeners = new Set<(alert: Alert) => void>()
  const seen: string[] = []
  const put = (alert: Alert) => {
    known.set(alert.id, alert)
    for (const listener of listeners) listener(alert)
  }
  const unasked = async (): Promise<never> => {
    throw new Error('the portal does not ask this')
  }
  return {
    put,
    seen,
    open: () => [...known.values()].filter(({ resolvedAt }) => resolvedAt === undefined),
    recent: async () => [...known.values()],
    async see(id, by) {
      const alert = known.get(id)
      if (alert === undefined) return false
      seen.push(`${id} by ${by}`)
      put({ ...alert, seenBy: by })
      return true
    },
    raise: unasked,
    resolve: unasked,
    load: async () => {},
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

import { fewestSamples, type HealthStatus } from './health.ts'

/** What a status is judged by. */
export interface Facts {
  readonly online: boolean
  readonly errorRatePercent: number
  readonly avgResponseTimeMs: number
  readonly samples: number
  /** Seconds without progress; undefined when it makes some, or has nothing to do. */
  readonly stalledSeconds: number | undefined
}

export interface Judgement {
  readonly status: HealthStatus
  readonly reason: string
}

/** The thresholds of the user's plan, and a stall, which no heartbeat shows. */
export function judge({ online, errorRatePercent, avgResponseTimeMs, samples, stalledSeconds }: Facts): Judgement {
  if (!online) return { status: 'offline', reason: 'no heartbeat for 30 s' }
  if (stalledSeconds !== undefined) {
    return { status: 'unhealthy', reason: `its work makes no progress since ${minutes(stalledSeconds)}` }
  }
  if (samples < fewestSamples) return { status: 'healthy', reason: '' }
  const errors = `${Math.round(errorRatePercent)} % of its last ${samples} works failed`
  if (errorRatePercent > 50) return { status: 'unhealthy', reason: errors }
  if (errorRatePercent > 20) return { status: 'degraded', reason: errors }
  if (avgResponseTimeMs > 30_000) {
    return { status: 'degraded', reason: `it takes ${Math.round(avgResponseTimeMs / 1_000)} s to respond, on average` }
  }
  return { status: 'healthy', reason: '' }
}

const minutes = (seconds: number) => (seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`)

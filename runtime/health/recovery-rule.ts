import { type AgentHealth, fewestSamples } from './health.ts'
import type { RecoveryRecord } from './recovery-records.ts'

/** Numbers of the user's plan. */
export const mostAttempts = 3
export const coolDown = 300_000
export const checkInterval = 10_000
/** Error rate, in percent, from which on an agent is restarted; below it only its queue rests. */
export const restartErrorRate = 80
/** A window whose process ended is opened again without anybody asking; this long it has for that. */
export const offlineGrace = 60_000
/** Without any work to judge by, an agent counts as well again after this. */
const quietRecovery = 3_600_000

export type RecoveryStep =
  | { readonly type: 'none' }
  | { readonly type: 'restart'; readonly reason: string }
  | { readonly type: 'pause'; readonly reason: string; readonly until: number }
  /** Everything was tried: a person is told, and others get its tasks. */
  | { readonly type: 'escalate'; readonly reason: string }
  | { readonly type: 'recovered' }

export interface RecoveryFacts {
  readonly now: number
  /** Since when it is offline; undefined when it is not. */
  readonly offlineSince: number | undefined
  /** False while a person has suspended it: then it is as it should be. */
  readonly wanted: boolean
}

const none: RecoveryStep = { type: 'none' }

/** What to do about one agent now. */
export function recoveryStep(
  health: AgentHealth,
  record: RecoveryRecord | undefined,
  { now, offlineSince, wanted }: RecoveryFacts,
): RecoveryStep {
  if (!wanted) return none
  const offline = health.status === 'offline'
  if (offline && (offlineSince === undefined || now - offlineSince < offlineGrace)) return none
  const rested = record === undefined || now - record.lastAt >= coolDown
  if (!offline && health.status !== 'unhealthy') return isRecovered(health, record, now) ? { type: 'recovered' } : none
  if (!rested) return none
  const { reason } = health
  if (record !== undefined && record.attempts >= mostAttempts) {
    return record.escalatedAt === undefined ? { type: 'escalate', reason } : none
  }
  if (offline || health.stalledSince !== undefined || health.errorRatePercent > restartErrorRate)
    return { type: 'restart', reason }
  return { type: 'pause', reason, until: now + coolDown }
}

/** Works since the last attempt went well, or so much time has passed that the attempts are an old story. */
const isRecovered = (health: AgentHealth, record: RecoveryRecord | undefined, now: number) =>
  record !== undefined &&
  record.attempts > 0 &&
  now - record.lastAt >= (health.samples >= fewestSamples ? coolDown : quietRecovery)

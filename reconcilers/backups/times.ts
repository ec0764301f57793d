import { createHash } from 'node:crypto'
import { Cron } from 'croner'
import { backoff } from '../../runtime/os/backoff.ts'
import type { History } from './journal.ts'

const minute = 60_000
const hour = 60 * minute
/** One minute, doubled up to one hour. */
const retries = { first: minute, longest: hour }

export interface Timetable {
  readonly name: string
  readonly cron: string
  readonly jitterMinutes: number
}

/** The first time of a schedule after `after`; undefined when there is none any more. */
export const nextTime = (cron: string, after: Date): Date | undefined =>
  new Cron(cron, { paused: true }).nextRun(after) ?? undefined

/**
 * When the next one is due. The first one at once; later ones at the first time of the schedule after the last success,
 * spread by a part of the jitter that is always the same for that time, so that a restart changes nothing and what was
 * missed is made up for. After failures, also of what was asked for by hand, it is tried again without waiting for that
 * time, later each time.
 */
export function dueAt({ name, cron, jitterMinutes }: Timetable, { last, succeeded, failures }: History, salt: string): Date {
  const scheduled = succeeded?.startedAt === undefined ? undefined : nextTime(cron, succeeded.startedAt)
  const regular =
    scheduled === undefined
      ? new Date(0)
      : new Date(scheduled.getTime() + spread(`${salt} ${name} ${scheduled.getTime()}`, jitterMinutes))
  if (failures === 0) return regular
  if (last?.endedAt === undefined) return new Date(0)
  return new Date(last.endedAt.getTime() + backoff(retries, failures, 0.5))
}

function spread(text: string, minutes: number): number {
  const part = createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32
  return Math.floor(part * minutes * minute)
}

/** When a backup without a success since `since` counts as late: after the hours declared, or once a second one is missed. */
export function lateAt({ cron, jitterMinutes }: Timetable, since: Date, hours: number | undefined): Date {
  if (hours !== undefined) return new Date(since.getTime() + hours * hour)
  const first = nextTime(cron, since)
  const second = first && nextTime(cron, first)
  return second === undefined ? new Date(since.getTime() + 48 * hour) : new Date(second.getTime() + jitterMinutes * minute)
}

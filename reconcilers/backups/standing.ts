import type { BackupItem } from './item.ts'
import { type BackupRun, type History, historyKey, noHistory, theSchedule } from './journal.ts'
import { dueAt, lateAt, type Timetable } from './times.ts'

/** How one backup stands. `ready` only when it was made in time, and a restore was proven in time. */
export interface Standing {
  readonly state: 'ready' | 'waiting' | 'stalled' | 'failed'
  readonly reason: string
  readonly message: string
}

export const timetableOf = (item: BackupItem): Timetable =>
  item.type === 'restic'
    ? { name: item.declaration.name, cron: item.declaration.schedule, jitterMinutes: item.declaration.jitterMinutes }
    : { name: item.declaration.name, cron: item.declaration.schedule, jitterMinutes: 10 }

export const drillTimetableOf = (item: BackupItem): Timetable | undefined =>
  item.type === 'restic' && item.declaration.drill !== undefined
    ? { name: `${item.declaration.name} drill`, cron: item.declaration.drill, jitterMinutes: item.declaration.jitterMinutes }
    : undefined

/** The verb that makes this backup. */
export const makingVerb = (item: BackupItem): 'run' | 'push' => (item.type === 'restic' ? 'run' : 'push')

export const historyOf = (histories: ReadonlyMap<string, History>, name: string, verb: BackupRun['verb']): History =>
  histories.get(historyKey(name, verb)) ?? noHistory

export interface Due {
  /** When the next one is made; undefined when nobody lets it be made by itself. */
  readonly run: Date | undefined
  readonly verify: Date | undefined
}

export function dueOf(item: BackupItem, histories: ReadonlyMap<string, History>, salt: string): Due {
  if (!item.automatic) return { run: undefined, verify: undefined }
  const { name } = item.declaration
  const made = historyOf(histories, name, makingVerb(item))
  const drillTimes = drillTimetableOf(item)
  return {
    run: dueAt(timetableOf(item), made, salt),
    // Before there is a backup nothing can be tried out.
    verify:
      drillTimes === undefined || made.succeeded === undefined
        ? undefined
        : dueAt(drillTimes, historyOf(histories, name, 'verify'), salt),
  }
}

/** `begunAt` is when its repository was begun: from then on the first one, too, has its time. */
export function standingOf(
  item: BackupItem,
  histories: ReadonlyMap<string, History>,
  now: Date,
  begunAt: Date | undefined,
): Standing {
  const { name } = item.declaration
  const made = historyOf(histories, name, makingVerb(item))
  const tried = historyOf(histories, name, 'verify')
  const what = item.type === 'restic' ? 'backup' : 'push'
  const newest = made.succeeded?.startedAt
  const told = newest === undefined ? `there is no ${what} yet` : `the last ${what} is of ${moment(newest)}`
  const since = newest ?? begunAt
  const late = since !== undefined && item.automatic && now > lateAt(timetableOf(item), since, hoursOf(item))
  if (made.failed !== undefined) {
    const { message, kind, reason } = made.failed
    return {
      state: late || kind === '' ? 'failed' : kind,
      reason: late ? 'late' : reason || 'failed',
      message: `${message}; ${told}`,
    }
  }
  if (late) return { state: 'failed', reason: 'late', message: `it has not been made in its time: ${told}` }
  if (newest === undefined) {
    if (!item.automatic)
      return { state: 'ready', reason: '', message: `${told}; it is made by hand only (auto_backup_enabled, backup_to_github)` }
    return { state: 'waiting', reason: 'first-run', message: `the first ${what} is being made` }
  }
  return (
    drillStanding(item, made, tried, now) ?? {
      ...{
        state: 'ready',
        reason: '',
        message: `${told}${without(made)}${provenBy(tried)}${besides(made)}${interruptedBy(name, histories)}`,
      },
    }
  )
}

const asWords = { run: 'backup', push: 'push', verify: 'trial', restore: 'restore' } as const

/** What somebody asked for and a death ended: nobody does that again by itself. */
function interruptedBy(name: string, histories: ReadonlyMap<string, History>): string {
  const told = (Object.keys(asWords) as (keyof typeof asWords)[]).flatMap(verb => {
    const { last } = historyOf(histories, name, verb)
    if (last?.outcome !== 'interrupted' || last.askedBy === theSchedule) return []
    return [`; the ${asWords[verb]} that ${last.askedBy} asked for on ${moment(last.askedAt)} was interrupted: ask for it again`]
  })
  return told.join('')
}

function drillStanding(item: BackupItem, made: History, tried: History, now: Date): Standing | undefined {
  const timetable = drillTimetableOf(item)
  if (timetable === undefined) return undefined
  if (tried.failed !== undefined) {
    const { message, reason } = tried.failed
    return {
      state: 'failed',
      reason: reason === 'failed' ? 'drill-failed' : reason,
      message: `the trial restore failed: ${message}`,
    }
  }
  const since = tried.succeeded?.startedAt ?? made.succeeded?.startedAt
  if (since === undefined || now <= lateAt(timetable, since, undefined)) return undefined
  return { state: 'failed', reason: 'drill-late', message: `no restore has been tried out since ${moment(since)}` }
}

/** What it has not got although it was wanted. */
const without = ({ succeeded }: History) => (Number(succeeded?.facts.unread ?? 0) === 0 ? '' : `, but ${succeeded?.message}`)

/** What is there under names that it had before. */
const besides = ({ succeeded }: History) =>
  (succeeded?.facts.besides ?? '') === ''
    ? ''
    : `; the repository also keeps ${succeeded?.facts.besides}, which no run removes (docs/backups.md, "Another name")`

const provenBy = ({ succeeded }: History) =>
  succeeded?.startedAt === undefined
    ? '; no restore was tried out yet'
    : `; a restore was proven on ${moment(succeeded.startedAt)}`

const hoursOf = (item: BackupItem) => (item.type === 'restic' ? item.declaration.lateAfterHours : undefined)

const moment = (date: Date) => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`

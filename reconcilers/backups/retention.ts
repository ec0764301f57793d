import type { BackupDeclaration } from '../../desired-state/state.ts'
import type { StoredRun } from './tags.ts'
import { isComplete } from './tags.ts'

const day = 86_400_000

/** Milliseconds by which the clock of whoever made a backup may be ahead of ours. */
const ahead = 60 * 60_000

/** Whether it is of a time that has not come: a clock was ahead when it was made. */
export const isAhead = ({ time }: StoredRun, now: Date): boolean => time.getTime() > now.getTime() + ahead

/**
 * Runs that need not be kept: the last one stays of each of so many days, weeks and months that have one, and all of the last
 * day, so that one by hand never takes the place of that before an accident. They are counted, and not measured against the
 * clock: one that is years ahead would find all of them too old. Those of a time that has not come are counted apart: they
 * would take the place of each that is made now.
 * What was not finished goes, but for what may be under way (`now`). Days are those of UTC.
 */
export function superfluous(runs: readonly StoredRun[], keep: BackupDeclaration['keep'], now: Date): readonly StoredRun[] {
  const newestFirst = runs.toSorted((a, b) => b.time.getTime() - a.time.getTime())
  const complete = newestFirst.filter(isComplete)
  const groups = Map.groupBy(complete, run => isAhead(run, now))
  const kept = new Set([...groups.values()].flatMap(group => keptOf(group, keep)))
  return newestFirst.filter(run => !kept.has(run) && (isComplete(run) || run.time.getTime() < now.getTime() - day))
}

/** Of complete runs, the newest first. */
function keptOf(complete: readonly StoredRun[], keep: BackupDeclaration['keep']): readonly StoredRun[] {
  const newest = complete[0]?.time.getTime() ?? 0
  const kept = complete.filter(({ time }) => time.getTime() > newest - day)
  const keepLastOf = (period: (time: Date) => number, count: number) => {
    const seen = new Set<number>()
    for (const run of complete) {
      const id = period(run.time)
      if (seen.has(id)) continue
      if (seen.size === count) return
      seen.add(id)
      kept.push(run)
    }
  }
  keepLastOf(time => Math.floor(time.getTime() / day), keep.days)
  // Weeks begin on Monday; 1970 began on a Thursday.
  keepLastOf(time => Math.floor((time.getTime() / day + 3) / 7), keep.weeks)
  keepLastOf(time => time.getUTCFullYear() * 12 + time.getUTCMonth(), keep.months)
  return kept
}

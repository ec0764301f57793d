import type { BackupDeclaration } from '../../desired-state/state.ts'
import type { StoredRun } from './tags.ts'
import { isComplete } from './tags.ts'

const day = 86_400_000

/**
 * Runs that need not be kept: the last one stays of each of so many days, weeks and months that have one, and all of the last
 * day, so that one by hand never takes the place of that before an accident. They are counted, and not measured against the
 * clock: one that is years ahead would find all of them too old.
 * What was not finished goes, but for what may be under way (`now`). Days are those of UTC.
 */
export function superfluous(runs: readonly StoredRun[], keep: BackupDeclaration['keep'], now: Date): readonly StoredRun[] {
  const newestFirst = runs.toSorted((a, b) => b.time.getTime() - a.time.getTime())
  const complete = newestFirst.filter(isComplete)
  const newest = complete[0]?.time.getTime() ?? 0
  const kept = new Set<StoredRun>(complete.filter(({ time }) => time.getTime() > newest - day))
  const keepLastOf = (period: (time: Date) => number, count: number) => {
    const seen = new Set<number>()
    for (const run of complete) {
      const id = period(run.time)
      if (seen.has(id)) continue
      if (seen.size === count) return
      seen.add(id)
      kept.add(run)
    }
  }
  keepLastOf(time => Math.floor(time.getTime() / day), keep.days)
  // Weeks begin on Monday; 1970 began on a Thursday.
  keepLastOf(time => Math.floor((time.getTime() / day + 3) / 7), keep.weeks)
  keepLastOf(time => time.getUTCFullYear() * 12 + time.getUTCMonth(), keep.months)
  return newestFirst.filter(run => !kept.has(run) && (isComplete(run) || run.time.getTime() < now.getTime() - day))
}

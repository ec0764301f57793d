import type { BackupDeclaration } from '../../desired-state/state.ts'
import type { StoredRun } from './tags.ts'
import { isComplete } from './tags.ts'

const day = 86_400_000

/**
 * Runs that need not be kept: of each day, week and month the last one stays for as long as declared, and all of the last
 * day, so that one by hand never takes the place of that before an accident; the newest always.
 * What was not finished goes, but for what may be under way (`now`). Days are those of UTC.
 */
export function superfluous(runs: readonly StoredRun[], keep: BackupDeclaration['keep'], now: Date): readonly StoredRun[] {
  const newestFirst = runs.toSorted((a, b) => b.time.getTime() - a.time.getTime())
  const complete = newestFirst.filter(isComplete)
  const kept = new Set<StoredRun>(complete.filter(({ time }, index) => index === 0 || time.getTime() > now.getTime() - day))
  const keepLastOf = (period: (time: Date) => number, length: number, count: number) => {
    const oldest = now.getTime() - count * length
    const seen = new Set<number>()
    for (const run of complete) {
      const id = period(run.time)
      if (run.time.getTime() < oldest || seen.has(id)) continue
      seen.add(id)
      kept.add(run)
    }
  }
  keepLastOf(time => Math.floor(time.getTime() / day), day, keep.days)
  // Weeks begin on Monday; 1970 began on a Thursday.
  keepLastOf(time => Math.floor((time.getTime() / day + 3) / 7), 7 * day, keep.weeks)
  keepLastOf(time => time.getUTCFullYear() * 12 + time.getUTCMonth(), 31 * day, keep.months)
  return newestFirst.filter(run => !kept.has(run) && (isComplete(run) || run.time.getTime() < now.getTime() - day))
}

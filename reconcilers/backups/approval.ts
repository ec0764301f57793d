import type { InForce } from './in-force.ts'
import type { BackupItem } from './item.ts'

type Items = ReadonlyMap<string, BackupItem>
/** By each name that was ever in force; it may be declared no more. */
type Kept = ReturnType<InForce['last']>

/**
 * Why a commit needs an approval for what it makes of the backups that are declared, or were; undefined when it needs none.
 * Pure.
 */
export function needsApproval(before: Items, after: Items, last: Kept): string | undefined {
  const reasons = [newDestination(before, after, last), shorterKeep(before, after, last)].filter(reason => reason !== undefined)
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

/**
 * A backup holds all that this server has, its secrets too, and who declares it knows the password. So it goes nowhere new
 * without a person, but for the first of all; a folder of this server is nowhere else.
 */
function newDestination(before: Items, after: Items, last: Kept): string | undefined {
  if (before.size === 0 && last.size === 0) return undefined
  const known = new Set(before.values().map(placeOf))
  const fresh = [...after.values()]
    .filter(isElsewhere)
    .map(placeOf)
    .filter(place => !known.has(place))
  if (fresh.length === 0) return undefined
  return `it sends what is kept here to where nothing of it is yet: ${[...new Set(fresh)].sort().join(', ')}`
}

const isElsewhere = (item: BackupItem): boolean => !placeOf(item).startsWith('/')

export const placeOf = (item: BackupItem): string =>
  item.type === 'restic' ? item.declaration.location.repository : item.declaration.repository

const periods = ['days', 'weeks', 'months'] as const

/**
 * The next run removes what need not be kept any more, and nothing brings that back. Also where the place is another one:
 * a commit later it may be the old one again; and where nothing declares the name now: what was made under it is still there.
 */
function shorterKeep(before: Items, after: Items, last: Kept): string | undefined {
  const shorter = [...after]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, next]) => {
      const item = before.get(name)
      const old = item?.type === 'restic' ? item.declaration.keep : last.get(name)
      if (old === undefined || next.type !== 'restic') return []
      const now = next.declaration.keep
      const fewer = periods.filter(period => now[period] < old[period])
      // What a period keeps and will not keep any more may be kept for another one.
      const most = fewer.reduce((sum, period) => sum + old[period] - now[period], 0)
      const told = fewer.map(period => `${old[period]} ${period} become ${now[period]}`).join(', ')
      return fewer.length === 0 ? [] : [`${name}, ${most} at most (${told})`]
    })
  return shorter.length === 0 ? undefined : `it has backups removed that are kept: of ${shorter.join('; of ')}`
}

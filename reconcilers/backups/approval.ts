import type { BackupItem } from './item.ts'

type Items = ReadonlyMap<string, BackupItem>

/** Why a commit needs an approval for what it makes of the backups that are declared; undefined when it needs none. Pure. */
export function needsApproval(before: Items, after: Items): string | undefined {
  const reasons = [newDestination(before, after), shorterKeep(before, after)].filter(reason => reason !== undefined)
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

/**
 * A backup holds all that this server has, its secrets too, and who declares it knows the password. So it goes nowhere new
 * without a person, but for the first of all; a folder of this server is nowhere else.
 */
function newDestination(before: Items, after: Items): string | undefined {
  if (before.size === 0) return undefined
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
 * a commit later it may be the old one again.
 */
function shorterKeep(before: Items, after: Items): string | undefined {
  const shorter = [...before]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, item]) => {
      const next = after.get(name)
      if (item.type !== 'restic' || next?.type !== 'restic') return []
      const [old, now] = [item.declaration.keep, next.declaration.keep]
      const fewer = periods.filter(period => now[period] < old[period])
      // What a period keeps and will not keep any more may be kept for another one.
      const most = fewer.reduce((sum, period) => sum + old[period] - now[period], 0)
      const told = fewer.map(period => `${old[period]} ${period} become ${now[period]}`).join(', ')
      return fewer.length === 0 ? [] : [`${name}, ${most} at most (${told})`]
    })
  return shorter.length === 0 ? undefined : `it has backups removed that are kept: of ${shorter.join('; of ')}`
}

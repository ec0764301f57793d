import { z } from 'zod'
import type { BackupDeclaration } from '../../desired-state/state.ts'
import type { Store } from '../../runtime/store/store.ts'
import type { BackupItem } from './item.ts'

type Keep = BackupDeclaration['keep']

/**
 * What each name kept when it was last in force, for good: what lies in a repository outlives its declaration, and a
 * commit that declares it anew is compared with that.
 */
export interface InForce {
  load(): Promise<void>
  /** By name; undefined for one that keeps no snapshots. Throws before it was loaded. */
  last(): ReadonlyMap<string, Keep | undefined>
  /** Of the accepted commit, never of one that is held; before anything is made or removed by it. */
  remember(items: ReadonlyMap<string, BackupItem>): Promise<void>
}

const count = z.number().nullable()
const rows = z.array(z.object({ name: z.string(), days: count, weeks: count, months: count }))

export function createInForce(store: Store): InForce {
  let known: Map<string, Keep | undefined> | undefined
  const loaded = async () => {
    if (known !== undefined) return known
    const found = rows.parse(await store`SELECT name, days, weeks, months FROM backup_in_force`)
    known = new Map(found.map(({ name, ...keep }) => [name, keepOf(keep)]))
    return known
  }
  return {
    async load() {
      await loaded()
    },
    last() {
      if (known === undefined) throw new Error('what backups kept was not loaded')
      return known
    },
    async remember(items) {
      const last = await loaded()
      for (const [name, item] of items) {
        // A name that goes to Git for a while still has the snapshots that it had.
        const keep = item.type === 'restic' ? item.declaration.keep : last.get(name)
        if (last.has(name) && Bun.deepEquals(last.get(name), keep)) continue
        const row = { name, days: keep?.days ?? null, weeks: keep?.weeks ?? null, months: keep?.months ?? null }
        await store`
          INSERT INTO backup_in_force ${store(row)}
          ON CONFLICT (name) DO UPDATE SET days = excluded.days, weeks = excluded.weeks, months = excluded.months`
        last.set(name, keep)
      }
    },
  }
}

const keepOf = ({ days, weeks, months }: { [Period in keyof Keep]: number | null }): Keep | undefined =>
  days === null || weeks === null || months === null ? undefined : { days, weeks, months }

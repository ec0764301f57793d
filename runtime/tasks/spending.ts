import type { Clock } from '../os/clock.ts'
import type { Store } from '../store/store.ts'
import { dayOf } from './core.ts'

/** What an agent spent today (UTC), tasks and conversations together. */
export interface DaySpent {
  readonly tokens: number
  /** Millionths of a US dollar. */
  readonly microdollars: number
}

/** By agent; who spent nothing is not in it. */
export async function spentToday(store: Store, clock: Clock): Promise<ReadonlyMap<string, DaySpent>> {
  const rows = await store<{ agent: string; tokens: string; microdollars: string }[]>`
    SELECT agent, tokens, microdollars FROM agent_spending WHERE day = ${dayOf(clock.now())}::date`
  return new Map(
    rows.map(({ agent, tokens, microdollars }) => [agent, { tokens: Number(tokens), microdollars: Number(microdollars) }]),
  )
}

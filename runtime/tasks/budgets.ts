import type { Budgets } from '../../desired-state/state.ts'

/** As the store compares them. */
export interface Limits {
  readonly taskTokens: number
  readonly taskMicrodollars: number
  readonly taskMilliseconds: number
  readonly dayTokens: number
  readonly dayMicrodollars: number
}

export const limitsOf = (budgets: Budgets): Limits => ({
  taskTokens: Math.floor(budgets.task_tokens),
  taskMicrodollars: Math.floor(budgets.task_usd * 1_000_000),
  taskMilliseconds: Math.floor(budgets.task_minutes * 60_000),
  dayTokens: Math.floor(budgets.day_tokens),
  dayMicrodollars: Math.floor(budgets.day_usd * 1_000_000),
})

/** Of a task and of its agent's day; numbers come as the driver gives them. */
export interface Spending {
  readonly tokens: string
  readonly microdollars: string
  readonly milliseconds: string
  readonly grants: number
  readonly day_tokens: string
  readonly day_microdollars: string
}

export interface Overspent {
  /** Until when it waits: a new day gives a new budget, only a person a task one. */
  readonly until: 'tomorrow' | 'a person'
  readonly reason: string
}

/** Which budget is spent, in words for a person; the day's first, for it ends by itself. */
export function overspent(agent: string, spending: Spending, limits: Limits): Overspent | undefined {
  const grants = spending.grants
  const checks = [
    ['day', Number(spending.day_tokens), limits.dayTokens, tokens],
    ['day', Number(spending.day_microdollars), limits.dayMicrodollars, dollars],
    ['task', Number(spending.tokens), limits.taskTokens * grants, tokens],
    ['task', Number(spending.microdollars), limits.taskMicrodollars * grants, dollars],
    ['task', Number(spending.milliseconds), limits.taskMilliseconds * grants, minutes],
  ] as const
  for (const [of, spent, limit, words] of checks) {
    if (spent < limit) continue
    if (of === 'day') return { until: 'tomorrow', reason: dayReason(agent, words(limit)) }
    return { until: 'a person', reason: `the task has spent its budget of ${words(limit)}; retrying it grants as much again` }
  }
  return undefined
}

const dayReason = (agent: string, budget: string) =>
  `${agent} has spent its budget of ${budget} for today; it goes on at 00:00 UTC, or when permissions.yaml allows more`

const tokens = (count: number) => `${count.toLocaleString('en-US')} tokens`
const dollars = (micro: number) => `$${(micro / 1_000_000).toFixed(2)}`
const minutes = (milliseconds: number) => `${Math.round(milliseconds / 60_000)} minutes of work`

/** The next midnight in UTC. */
export const tomorrow = (at: Date): Date => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1))

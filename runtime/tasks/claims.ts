import type { ISql, PendingQuery } from 'postgres'
import { limitsOf } from './budgets.ts'
import { type Core, dayOf } from './core.ts'
import { inputsOfClaim, leaseMilliseconds, mostLosses } from './numbers.ts'
import { viewColumns } from './read.ts'
import { type TaskRow, taskOf } from './row.ts'
import type { Claim } from './task.ts'
import type { Touched } from './touched.ts'

export interface ClaimRow extends TaskRow, Touched {
  readonly lease_until: Date
  readonly inputs: Claim['inputs']
}

export interface WantedTask {
  readonly id: string
  readonly agent: string
}

/** `again`: also those that the same agent has claimed already, whose process has ended and started again. */
export type Wanted = 'ready' | 'again'

/** Claims tasks, each for its agent. What is not claimed, because a budget is spent or its state is another, is not in the answer. */
export function claimTasks(core: Core, store: ISql, tasks: readonly WantedTask[], wanted: Wanted): PendingQuery<ClaimRow[]> {
  const now = core.clock.now()
  const lease = new Date(now.getTime() + leaseMilliseconds)
  const limits = columnsOf(core, tasks)
  const claimable =
    wanted === 'ready'
      ? store`t.state = 'ready'`
      : store`(t.state = 'ready' OR (t.state IN ('assigned', 'in_progress') AND t.lost < ${mostLosses}))`
  return store<ClaimRow[]>`
    UPDATE task AS t SET
      state = 'assigned', reason = '', token = t.token + 1, trying = true,
      tries = t.tries + CASE WHEN t.trying THEN 0 ELSE 1 END,
      lost = t.lost + CASE WHEN t.state = 'ready' THEN 0 ELSE 1 END,
      lease_until = ${lease}, deadline = ${deadlineOf(store, now)}, milliseconds_left = NULL,
      due = LEAST(${lease}, ${deadlineOf(store, now)}),
      started_at = COALESCE(t.started_at, ${now}), working_since = ${now}
    FROM unnest(${tasks.map(({ id }) => id)}::uuid[], ${limits.agents}::text[], ${limits.taskTokens}::bigint[],
      ${limits.taskMicrodollars}::bigint[], ${limits.taskMilliseconds}::bigint[], ${limits.dayTokens}::bigint[],
      ${limits.dayMicrodollars}::bigint[])
      AS wanted(id, agent, task_tokens, task_microdollars, task_milliseconds, day_tokens, day_microdollars), task_graph g
    WHERE t.id = wanted.id AND t.agent = wanted.agent AND g.id = t.graph AND ${claimable}
      AND t.tokens < wanted.task_tokens * t.grants AND t.microdollars < wanted.task_microdollars * t.grants
      AND t.milliseconds < wanted.task_milliseconds * t.grants
      AND NOT EXISTS (
        SELECT FROM agent_spending AS spent WHERE spent.agent = wanted.agent AND spent.day = ${dayOf(now)}::date
        AND (spent.tokens >= wanted.day_tokens OR spent.microdollars >= wanted.day_microdollars))
    RETURNING ${viewColumns(store)}, t.due, t.lease_until, t.rank, t.position, ${inputs(store)} AS inputs`
}

/** What a task gets of those before it. */
const inputs = (store: ISql) => store`
  CASE WHEN EXISTS (SELECT FROM task_dependency WHERE task = t.id) THEN (
    SELECT json_agg(json_build_object('name', name, 'agent', agent, 'result', result) ORDER BY position) FROM (
      SELECT needed.name, needed.agent, needed.position, left(COALESCE(needed.result, ''), ${inputsOfClaim.longest}) AS result
      FROM task_dependency JOIN task AS needed ON needed.id = needs
      WHERE task_dependency.task = t.id LIMIT ${inputsOfClaim.most}
    ) AS input
  ) ELSE '[]' END`

/** A new try has its whole time; one that goes on with a new process has what is left. */
const deadlineOf = (store: ISql, now: Date) => store`
  CASE WHEN t.state = 'ready' THEN ${now}::timestamptz + t.timeout_seconds * interval '1 second'
  ELSE COALESCE(t.deadline, ${now}::timestamptz + t.milliseconds_left * interval '1 millisecond') END`

export const claimOf = (row: ClaimRow): Claim => ({
  task: taskOf(row),
  token: row.token,
  leaseUntil: row.lease_until.toISOString(),
  inputs: row.inputs,
})

/** Limits of each agent, as columns; an agent that there is not may spend nothing. */
function columnsOf({ policyOf }: Core, wanted: readonly { readonly agent: string }[]) {
  const limits = wanted.map(({ agent }) => {
    const policy = policyOf(agent)
    return policy === undefined ? undefined : limitsOf(policy.budgets)
  })
  return {
    agents: wanted.map(({ agent }) => agent),
    taskTokens: limits.map(limit => limit?.taskTokens ?? 0),
    taskMicrodollars: limits.map(limit => limit?.taskMicrodollars ?? 0),
    taskMilliseconds: limits.map(limit => limit?.taskMilliseconds ?? 0),
    dayTokens: limits.map(limit => limit?.dayTokens ?? 0),
    dayMicrodollars: limits.map(limit => limit?.dayMicrodollars ?? 0),
  }
}

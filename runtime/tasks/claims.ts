import type { ISql, PendingQuery, Row } from 'postgres'
import { limitsOf } from './budgets.ts'
import { type Core, dayOf, type Touched } from './core.ts'
import { inputsOfClaim, leaseMilliseconds, mostLosses } from './numbers.ts'
import { viewColumns } from './read.ts'
import { type TaskRow, taskOf } from './row.ts'
import type { Claim } from './task.ts'

export interface ClaimRow extends TaskRow, Touched {
  readonly due: Date | null
  readonly lease_until: Date
  readonly rank: string
  readonly inputs: Claim['inputs']
}

export interface WantedTask {
  readonly id: string
  readonly agent: string
}

export interface Wanted {
  readonly agent: string
  readonly count: number
}

/**
 * Claims tasks by id, each for its agent: ready ones, and running ones of the same agent, whose process has ended and
 * started again. What is not claimed is not in the answer.
 */
export function claimById(core: Core, store: ISql, wanted: readonly WantedTask[]): PendingQuery<ClaimRow[]> {
  const limits = columnsOf(core, wanted)
  return claimPicked(
    core,
    store,
    store`
      SELECT task.id
      FROM unnest(${wanted.map(({ id }) => id)}::uuid[], ${limits.agents}::text[], ${limits.taskTokens}::bigint[],
        ${limits.taskMicrodollars}::bigint[], ${limits.taskMilliseconds}::bigint[], ${limits.dayTokens}::bigint[],
        ${limits.dayMicrodollars}::bigint[])
        AS wanted(id, agent, task_tokens, task_microdollars, task_milliseconds, day_tokens, day_microdollars)
      JOIN task ON task.id = wanted.id AND task.agent = wanted.agent
      WHERE ${withinDay(core, store)} AND (task.state = 'ready' OR (task.state IN ('assigned', 'in_progress') AND task.lost < ${mostLosses}))
        AND ${withinTask(store)}`,
  )
}

/** Claims the most urgent ready tasks of agents, as many as each wants. */
export function claimNext(core: Core, store: ISql, wanted: readonly Wanted[]): PendingQuery<ClaimRow[]> {
  const limits = columnsOf(core, wanted)
  return claimPicked(
    core,
    store,
    store`
      SELECT task.id
      FROM unnest(${wanted.map(({ count }) => count)}::int[], ${limits.agents}::text[], ${limits.taskTokens}::bigint[],
        ${limits.taskMicrodollars}::bigint[], ${limits.taskMilliseconds}::bigint[], ${limits.dayTokens}::bigint[],
        ${limits.dayMicrodollars}::bigint[])
        AS wanted(count, agent, task_tokens, task_microdollars, task_milliseconds, day_tokens, day_microdollars)
      CROSS JOIN LATERAL (
        SELECT task.id FROM task
        WHERE task.agent = wanted.agent AND task.state = 'ready' AND ${withinTask(store)}
        ORDER BY rank, position LIMIT wanted.count FOR UPDATE SKIP LOCKED
      ) AS task
      WHERE ${withinDay(core, store)}`,
  )
}

function claimPicked({ clock }: Core, store: ISql, picked: PendingQuery<Row[]>): PendingQuery<ClaimRow[]> {
  const now = clock.now()
  const lease = new Date(now.getTime() + leaseMilliseconds)
  return store<ClaimRow[]>`
    WITH picked AS MATERIALIZED (${picked})
    UPDATE task AS t SET
      state = 'assigned', reason = '', token = t.token + 1, trying = true,
      tries = t.tries + CASE WHEN t.trying THEN 0 ELSE 1 END,
      lost = t.lost + CASE WHEN t.state = 'ready' THEN 0 ELSE 1 END,
      lease_until = ${lease}, deadline = ${deadlineOf(store, now)}, milliseconds_left = NULL,
      due = LEAST(${lease}, ${deadlineOf(store, now)}),
      started_at = COALESCE(t.started_at, ${now}), working_since = ${now}
    FROM picked, task_graph g
    WHERE t.id = picked.id AND g.id = t.graph
    RETURNING ${viewColumns(store)}, t.due, t.lease_until, t.rank, CASE WHEN EXISTS (SELECT FROM task_dependency WHERE task = t.id) THEN (
      SELECT json_agg(json_build_object('name', name, 'agent', agent, 'result', result) ORDER BY position) FROM (
        SELECT needed.name, needed.agent, needed.position, left(COALESCE(needed.result, ''), ${inputsOfClaim.longest}) AS result
        FROM task_dependency JOIN task AS needed ON needed.id = needs
        WHERE task_dependency.task = t.id LIMIT ${inputsOfClaim.most}
      ) AS input) ELSE '[]' END AS inputs`
}

/** The most urgent first. */
export const claimsOf = (rows: readonly ClaimRow[]): readonly Claim[] =>
  rows.toSorted((one, other) => Number(one.rank) - Number(other.rank)).map(claimOf)

/** A new try has its whole time; one that goes on with a new process has what is left. */
const deadlineOf = (store: ISql, now: Date) => store`
  CASE WHEN t.state = 'ready' THEN ${now}::timestamptz + t.timeout_seconds * interval '1 second'
  ELSE COALESCE(t.deadline, ${now}::timestamptz + t.milliseconds_left * interval '1 millisecond') END`

const claimOf = (row: ClaimRow): Claim => ({
  task: taskOf(row),
  token: row.token,
  leaseUntil: row.lease_until.toISOString(),
  inputs: row.inputs,
})

/** What a task has spent is below what was granted to it. */
const withinTask = (store: ISql) => store`
  task.tokens < wanted.task_tokens * task.grants AND task.microdollars < wanted.task_microdollars * task.grants
  AND task.milliseconds < wanted.task_milliseconds * task.grants`

/** Neither is the agent's day spent. */
const withinDay = ({ clock }: Core, store: ISql) => store`
  NOT EXISTS (
    SELECT FROM agent_spending AS spent WHERE spent.agent = wanted.agent AND spent.day = ${dayOf(clock.now())}::date
    AND (spent.tokens >= wanted.day_tokens OR spent.microdollars >= wanted.day_microdollars))`

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

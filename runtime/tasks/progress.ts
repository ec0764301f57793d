import type { ISql } from 'postgres'
import { limitsOf, overspent, type Spending, tomorrow } from './budgets.ts'
import { type Core, dayOf } from './core.ts'
import { leaseMilliseconds } from './numbers.ts'
import { released } from './running.ts'
import type { Booking } from './task.ts'
import { type Touched, touchedColumns } from './touched.ts'

interface Booked extends Touched, Spending {}

/** Prolongs a lease and books; false when the token counts no more, or because a budget is spent now. */
export async function progress(core: Core, id: string, token: number, booking: Booking): Promise<boolean> {
  const { tokens, microdollars } = sound(booking)
  const booked = await core.lane.run(() => book(core, id, token, tokens, microdollars))
  if (booked === undefined) {
    await bookLate(core, id, tokens, microdollars)
    return false
  }
  const policy = core.policyOf(booked.agent)
  const over = policy && overspent(booked.agent, booked, limitsOf(policy.budgets))
  if (over === undefined) return true
  await hold(core, id, over)
  return false
}

async function book(core: Core, id: string, token: number, tokens: number, microdollars: number): Promise<Booked | undefined> {
  const { store, clock } = core
  const now = clock.now()
  const lease = new Date(now.getTime() + leaseMilliseconds)
  const booked = await store<Booked[]>`
    WITH booked AS (
      UPDATE task SET state = 'in_progress', tokens = tokens + ${tokens}, microdollars = microdollars + ${microdollars},
        milliseconds = milliseconds + COALESCE(extract(epoch FROM ${now}::timestamptz - working_since) * 1000, 0),
        working_since = CASE WHEN working_since IS NULL THEN NULL ELSE ${now}::timestamptz END,
        lease_until = CASE WHEN working_since IS NULL THEN NULL ELSE ${lease}::timestamptz END,
        due = CASE WHEN working_since IS NULL THEN NULL ELSE LEAST(${lease}::timestamptz, deadline) END
      WHERE id = ${id} AND token = ${token} AND state IN ('assigned', 'in_progress')
      RETURNING *
    ), spent AS (${bookDay(store, now, tokens, microdollars, store`SELECT agent FROM booked`)})
    SELECT booked.id, graph, booked.agent, state, due, rank, position, booked.tokens, booked.microdollars, milliseconds, grants,
      spent.tokens AS day_tokens, spent.microdollars AS day_microdollars
    FROM booked, spent`
  core.changed(booked)
  return booked[0]
}

/** It was spent all the same. */
async function bookLate({ store, clock }: Core, id: string, tokens: number, microdollars: number): Promise<void> {
  if (tokens === 0 && microdollars === 0) return
  await store`
    WITH booked AS (
      UPDATE task SET tokens = tokens + ${tokens}, microdollars = microdollars + ${microdollars} WHERE id = ${id} RETURNING agent
    ) ${bookDay(store, clock.now(), tokens, microdollars, store`SELECT agent FROM booked`)}`
}

/** Books what an agent spent on something else than a task. */
export async function bookAgent({ store, clock }: Core, agent: string, booking: Booking): Promise<void> {
  const { tokens, microdollars } = sound(booking)
  await bookDay(store, clock.now(), tokens, microdollars, store`SELECT ${agent}::text`)
}

const bookDay = (store: ISql, now: Date, tokens: number, microdollars: number, agent: ReturnType<typeof released>) => store`
  INSERT INTO agent_spending AS day (agent, day, tokens, microdollars)
  SELECT agent, ${dayOf(now)}::date, ${tokens}::bigint, ${microdollars}::bigint FROM (${agent}) AS one(agent)
  ON CONFLICT (agent, day) DO UPDATE SET
    tokens = day.tokens + excluded.tokens, microdollars = day.microdollars + excluded.microdollars
  RETURNING tokens, microdollars`

/** Whoever reports cannot earn anything back, nor book what no counter holds. */
const sound = ({ tokens = 0, microdollars = 0 }: Booking) => ({ tokens: count(tokens), microdollars: count(microdollars) })
const count = (value: number) => (Number.isFinite(value) ? Math.min(Math.max(0, Math.round(value)), 1e12) : 0)

/** Takes a task out of its agent's hands until there is a budget again. */
export function hold(core: Core, id: string, over: { until: 'tomorrow' | 'a person'; reason: string }): Promise<void> {
  return core.lane.run(async () => {
    const now = core.clock.now()
    const due = over.until === 'tomorrow' ? tomorrow(now) : null
    core.changed(
      await core.store<Touched[]>`
      UPDATE task SET ${released(core.store, now)}, state = 'pending', reason = ${over.reason}, token = token + 1, held = true, untold = true,
        due = ${due}
      WHERE id = ${id} AND state IN ('ready', 'assigned', 'in_progress') RETURNING ${touchedColumns(core.store)}`,
    )
  })
}

/** Why an agent, or one task of it, may not go on; undefined when it may. */
export async function budgetOf(core: Core, agent: string, id: string | undefined) {
  const policy = core.policyOf(agent)
  if (policy === undefined) return undefined
  const [spending] = await core.store<Spending[]>`
    SELECT COALESCE(task.tokens, 0) AS tokens, COALESCE(task.microdollars, 0) AS microdollars,
      COALESCE(task.milliseconds, 0) AS milliseconds, COALESCE(grants, 1) AS grants,
      COALESCE(spent.tokens, 0) AS day_tokens, COALESCE(spent.microdollars, 0) AS day_microdollars
    FROM (SELECT 1) AS one
    LEFT JOIN task ON task.id = ${id ?? null}::uuid
    LEFT JOIN agent_spending AS spent ON spent.agent = ${agent} AND spent.day = ${dayOf(core.clock.now())}::date`
  return spending && overspent(agent, spending, limitsOf(policy.budgets))
}

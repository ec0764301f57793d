import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { ActionRequest, ActionResult } from '../action.ts'

/** One action as the ledger remembers it. */
export interface ActionRow {
  readonly id: string
  readonly agent: string
  readonly work: string
  readonly call: string
  readonly attempt: number
  readonly request: string
  readonly state: 'dispatched' | 'done' | 'failed'
  readonly result: string | null
  /** The audit event of it, as JSON text. */
  readonly event: string
  readonly dispatched_at: Date
}

/** Characters of a result that are kept for the model. */
const longestResult = 200_000

const clean = (text: string) => text.replaceAll('\0', '').toWellFormed()

export const actionOf = async (store: ISql, work: string, call: string): Promise<ActionRow | undefined> =>
  (await store<ActionRow[]>`SELECT * FROM agent_action WHERE work = ${work} AND call = ${call}`)[0]

export interface Dispatch {
  readonly agent: string
  readonly request: ActionRequest
  readonly digest: string
  readonly event: string
  readonly approval: string | undefined
  readonly at: Date
}

/** Writes the action down as dispatched; undefined when this call has one already. */
export async function dispatch(store: ISql, of: Dispatch): Promise<string | undefined> {
  const { request } = of
  const rows = await store<{ id: string }[]>`
    INSERT INTO agent_action (id, agent, work, call, attempt, tool, title, request, approval, state, event, dispatched_at)
    VALUES (${randomUUID()}, ${of.agent}, ${request.work}, ${request.call}, ${request.attempt}, ${request.tool},
      ${clean(request.title)}, ${of.digest}, ${of.approval ?? null}, 'dispatched', ${of.event}, ${of.at})
    ON CONFLICT (work, call) DO NOTHING RETURNING id`
  return rows[0]?.id
}

/** A new try may do again what only looks. */
export const dispatchAgain = (store: ISql, id: string, attempt: number, at: Date) =>
  store`UPDATE agent_action SET attempt = ${attempt}, dispatched_at = ${at} WHERE id = ${id} AND state = 'dispatched'`

export const dispatched = async (store: ISql, agent: string, id: string): Promise<ActionRow | undefined> =>
  (await store<ActionRow[]>`SELECT * FROM agent_action WHERE id = ${id} AND agent = ${agent}`)[0]

export const settle = (store: ISql, id: string, { outcome, content }: ActionResult, at: Date) =>
  store`
    UPDATE agent_action SET state = ${outcome}, result = ${clean(content).slice(0, longestResult)}, ended_at = ${at}
    WHERE id = ${id} AND state = 'dispatched'`

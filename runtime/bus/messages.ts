import type { ISql } from 'postgres'
import { type Message, urgent } from './envelope.ts'

type Row = Omit<Message, 'timestamp'> & { readonly at: Date }

const messageOf = ({ at, id, source, target, type, priority, payload, pai }: Row): Message => ({
  ...{ id, timestamp: at.toISOString(), source, target, type, priority, payload, pai },
})

export interface Enclosed {
  /** The thread that its work belongs to, where that is known beforehand. */
  readonly thread?: string
  /** The task that it carries; one open message for each at most. */
  readonly task?: string
}

/** Commits a message; false when its task is under way to an agent already. */
export async function addMessage(store: ISql, message: Message, enclosed?: Enclosed): Promise<boolean> {
  return (await insertMessage(store, message, enclosed)).count === 1
}

/** Not sent until it is awaited: a part of a larger statement as well. */
export function insertMessage(store: ISql, message: Message, { thread, task }: Enclosed = {}) {
  const { id, timestamp, source, target, type, priority, payload, pai } = message
  return store`
    INSERT INTO message (id, at, source, target, type, priority, payload, pai, thread, task)
    VALUES (${id}, ${timestamp}, ${source}, ${target}, ${type}, ${priority}, ${JSON.stringify(payload)}::text::jsonb,
      ${JSON.stringify(pai)}::text::jsonb, ${thread ?? null}, ${task ?? null})
    ON CONFLICT DO NOTHING`
}

/** Settles what went out for a task before: it is another's now, or begins anew. Gives whose inboxes still hold it. */
export async function supersede(
  store: ISql,
  task: string,
  by: string,
  at: Date,
): Promise<readonly { readonly id: string; readonly target: string }[]> {
  return store<{ id: string; target: string }[]>`
    UPDATE message SET settled_at = ${at} WHERE task = ${task} AND id <> ${by} AND settled_at IS NULL RETURNING id, target`
}

export async function findMessage(store: ISql, id: string): Promise<Message | undefined> {
  const rows = await store<Row[]>`
    SELECT id, at, source, target, type, priority, payload, pai FROM message WHERE id = ${id}`
  return rows.map(messageOf)[0]
}

/** An open message to this agent, with the task that it carries. */
export async function openMessage(
  store: ISql,
  agent: string,
  id: string,
): Promise<(Message & { readonly task: string | undefined }) | undefined> {
  const rows = await store<(Row & { task: string | null })[]>`
    SELECT id, at, source, target, type, priority, payload, pai, task FROM message
    WHERE id = ${id} AND target = ${agent} AND settled_at IS NULL`
  return rows.map(row => ({ ...messageOf(row), task: row.task ?? undefined }))[0]
}

/** The first of what an agent's inbox must hold, in the order in which it is to be read. */
export async function openMessages(store: ISql, agent: string, limit: number): Promise<readonly Message[]> {
  const rows = await store<Row[]>`
    SELECT id, at, source, target, type, priority, payload, pai FROM message
    WHERE target = ${agent} AND settled_at IS NULL
    ORDER BY priority < ${urgent}, at, id LIMIT ${limit}`
  return rows.map(messageOf)
}

/** Which of these messages are open. */
export async function stillOpen(store: ISql, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const rows = await store<{ id: string }[]>`
    SELECT id FROM message WHERE id = ANY (${[...ids]}::uuid[]) AND settled_at IS NULL`
  return new Set(rows.map(row => row.id))
}

/** One more time that its agent begins with it; gives how often that was by now. */
export async function countDelivery(store: ISql, id: string): Promise<number> {
  const [row] = await store<{ deliveries: number }[]>`
    UPDATE message SET deliveries = deliveries + 1 WHERE id = ${id} RETURNING deliveries`
  return row?.deliveries ?? 0
}

export async function settleMessage(store: ISql, id: string, at: Date): Promise<void> {
  await store`UPDATE message SET settled_at = ${at} WHERE id = ${id} AND settled_at IS NULL`
}

import type { ISql } from 'postgres'

export interface Consultation {
  readonly message: string
  readonly asker: string
  readonly work: string
  readonly call: string
  readonly answerer: string
}

/** The message of a call that was made before. */
export async function findConsultation(store: ISql, work: string, call: string): Promise<string | undefined> {
  const [row] = await store<{ message: string }[]>`SELECT message FROM consultation WHERE work = ${work} AND call = ${call}`
  return row?.message
}

export async function addConsultation(store: ISql, { message, asker, work, call, answerer }: Consultation): Promise<void> {
  await store`
    INSERT INTO consultation (message, asker, work, call, answerer)
    VALUES (${message}, ${asker}, ${work}, ${call}, ${answerer})`
}

/**
 * Whether an agent waits for another's answer, itself or through those that it asked. Take {@link lockConsultations} first:
 * two that ask each other at the same moment would both see nothing.
 */
export async function waitsFor(store: ISql, waiting: string, answerer: string): Promise<boolean> {
  const found = await store`
    WITH RECURSIVE asked (agent) AS (
      SELECT answerer FROM consultation JOIN message ON message.id = message WHERE settled_at IS NULL AND asker = ${waiting}
      UNION
      SELECT answerer FROM asked JOIN consultation ON asker = asked.agent JOIN message ON message.id = message
        WHERE settled_at IS NULL)
    SELECT 1 FROM asked WHERE agent = ${answerer}`
  return found.length > 0
}

export async function lockConsultations(store: ISql): Promise<void> {
  await store`SELECT pg_advisory_xact_lock(727005)`
}

/** Where a work has asked an agent before. */
export async function threadBetween(store: ISql, work: string, answerer: string): Promise<string | undefined> {
  const [row] = await store<{ thread: string }[]>`
    SELECT thread FROM consultation JOIN utterance ON utterance.id = message
    WHERE work = ${work} AND answerer = ${answerer} LIMIT 1`
  return row?.thread
}

/** Questions of a work that nobody has answered. */
export async function unansweredOf(store: ISql, work: string): Promise<readonly string[]> {
  const rows = await store<{ message: string }[]>`
    SELECT message FROM consultation JOIN message ON message.id = message WHERE work = ${work} AND settled_at IS NULL`
  return rows.map(row => row.message)
}

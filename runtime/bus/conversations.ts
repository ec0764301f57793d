import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Store } from '../store/store.ts'
import type { Utterance } from './agents.ts'
import type { Message } from './envelope.ts'
import { insertMessage } from './messages.ts'
import type { Block } from './work.ts'

interface Row {
  id: string
  agent: string
  thread: string
  role: Utterance['role']
  by_name: string
  text: string
  attachments: readonly Block[] | null
  state: Utterance['state']
  at: Date
  answers: string | null
  attempt: number
  kept: number
}

const utteranceOf = (row: Row): Utterance => ({
  id: row.id,
  agent: row.agent,
  thread: row.thread,
  role: row.role,
  by: row.by_name,
  text: row.text,
  state: row.state,
  at: row.at.toISOString(),
  ...(row.attachments === null ? {} : { attachments: row.attachments }),
  ...(row.answers === null ? {} : { answers: row.answers }),
})

export interface Question {
  readonly id: string
  readonly agent: string
  readonly thread: string
  readonly role: 'person' | 'event'
  readonly by: string
  readonly text: string
  readonly attachments: readonly Block[]
}

/** An answer under way. */
export interface Answering {
  readonly attempt: number
  readonly question: Utterance
  readonly answer: Utterance
  /** How much of its text stands in whole entries. */
  readonly kept: number
}

/** The newest of a thread, oldest first. */
export async function lastOf(store: ISql, thread: string, limit: number): Promise<readonly Utterance[]> {
  const rows = await store<Row[]>`SELECT * FROM utterance WHERE thread = ${thread} ORDER BY position DESC LIMIT ${limit}`
  return rows.map(utteranceOf).reverse()
}

export async function findUtterance(store: ISql, id: string): Promise<Utterance | undefined> {
  return (await store<Row[]>`SELECT * FROM utterance WHERE id = ${id}`).map(utteranceOf)[0]
}

/** The answer to a question, or the question where there is none yet. */
export async function findAnswer(store: ISql, question: string): Promise<Utterance | undefined> {
  const rows = await store<Row[]>`
    SELECT * FROM utterance WHERE id = ${question} OR answers = ${question} ORDER BY position DESC LIMIT 1`
  return rows.map(utteranceOf)[0]
}

export async function addQuestion(store: ISql, question: Question, at: Date): Promise<Utterance> {
  const { id, agent, thread, role, by, text, attachments } = question
  const enclosed = attachments.length === 0 ? null : JSON.stringify(attachments)
  const rows = await store<Row[]>`
    INSERT INTO utterance (id, agent, thread, role, by_name, text, attachments, state, at)
    VALUES (${id}, ${agent}, ${thread}, ${role}, ${by}, ${text}, ${enclosed}::text::json, 'queued', ${at}) RETURNING *`
  return only(rows)
}

/** The same, together with the message that carries it: one statement, so one way to Postgres. Undefined when that was there. */
export async function addAskedMessage(
  store: ISql,
  message: Message,
  question: Question,
  at: Date,
): Promise<Utterance | undefined> {
  const { id, agent, thread, role, by, text, attachments } = question
  const enclosed = attachments.length === 0 ? null : JSON.stringify(attachments)
  const rows = await store<Row[]>`
    WITH added AS (${insertMessage(store, message, { thread })} RETURNING id)
    INSERT INTO utterance (id, agent, thread, role, by_name, text, attachments, state, at)
    SELECT ${id}::uuid, ${agent}::text, ${thread}::uuid, ${role}::text, ${by}::text, ${text}::text, ${enclosed}::text::json,
      'queued', ${at}::timestamptz FROM added RETURNING *`
  return rows.map(utteranceOf)[0]
}

/** Begins the answer to a question, or begins it again where its last whole entry ended. Undefined when it is settled. */
export async function startAnswer(
  store: ISql,
  agent: string,
  id: string,
  at: Date,
  attempt?: number,
): Promise<Answering | undefined> {
  const [question] = await store<Row[]>`
    UPDATE utterance SET state = 'answering', attempt = coalesce(${attempt ?? null}::integer, attempt + 1)
    WHERE id = ${id} AND agent = ${agent} AND role <> 'agent' AND state IN ('queued', 'answering') RETURNING *`
  if (question === undefined) return undefined
  const [answer] = await store<Row[]>`
    INSERT INTO utterance (id, agent, thread, role, by_name, text, state, at, answers, attempt)
    VALUES (${randomUUID()}, ${agent}, ${question.thread}, 'agent', ${agent}, '', 'answering', ${at}, ${id}, ${question.attempt})
    ON CONFLICT (answers) DO UPDATE SET state = 'answering', at = excluded.at, attempt = excluded.attempt RETURNING *`
  if (answer === undefined) throw new Error('INSERT gave no row')
  const text = answer.text.slice(0, answer.kept)
  if (text !== answer.text) await store`UPDATE utterance SET text = ${text} WHERE id = ${answer.id}`
  return answering(question, { ...answer, text })
}

const answering = (question: Row, answer: Row): Answering => ({
  attempt: question.attempt,
  question: utteranceOf(question),
  answer: utteranceOf(answer),
  kept: answer.kept,
})

/** The answer under way, when this attempt is the one that counts. */
export async function currentAnswer(store: ISql, agent: string, id: string, attempt: number): Promise<Answering | undefined> {
  const rows = await store<Row[]>`
    SELECT * FROM utterance WHERE agent = ${agent} AND attempt = ${attempt} AND state IN ('queued', 'answering')
      AND (id = ${id} OR answers = ${id})`
  const question = rows.find(row => row.id === id)
  const answer = rows.find(row => row.answers === id)
  return question === undefined || answer === undefined ? undefined : answering(question, answer)
}

/** What has come of an answer so far. */
export async function keepText(store: ISql, answer: string, attempt: number, text: string, kept: number): Promise<void> {
  await store`
    UPDATE utterance SET text = ${text}, kept = ${kept} WHERE id = ${answer} AND attempt = ${attempt} AND state = 'answering'`
}

/** Gives what changed: question and answer, or nothing when this attempt does not count. */
export async function finishAnswer(
  store: ISql,
  agent: string,
  id: string,
  attempt: number,
  { state, text, at }: { readonly state: 'done' | 'failed'; readonly text: string; readonly at: Date },
): Promise<readonly Utterance[]> {
  const answers = await store<Row[]>`
    UPDATE utterance SET text = ${text}, state = ${state}, at = ${at}
    WHERE agent = ${agent} AND answers = ${id} AND attempt = ${attempt} AND state IN ('queued', 'answering') RETURNING *`
  if (answers.length === 0) return []
  const questions = await store<Row[]>`UPDATE utterance SET state = ${state} WHERE id = ${id} RETURNING *`
  return [...questions, ...answers].map(utteranceOf)
}

/** Ends a question that nobody works on any more, and its answer where there is one. */
export async function stopQuestion(store: ISql, id: string, words: string, at: Date): Promise<readonly Utterance[]> {
  const rows = await store<Row[]>`
    UPDATE utterance SET state = 'failed', at = CASE WHEN role = 'agent' THEN ${at} ELSE at END,
      text = CASE WHEN role <> 'agent' THEN text WHEN text = '' THEN ${words} ELSE text || ${`\n\n${words}`} END
    WHERE (id = ${id} OR answers = ${id}) AND state IN ('queued', 'answering') RETURNING *`
  return rows.map(utteranceOf)
}

/** The process is gone: what it was answering is a question again. */
export async function requeue(store: Store, agent: string): Promise<readonly Utterance[]> {
  const rows = await store<Row[]>`
    UPDATE utterance SET state = 'queued' WHERE agent = ${agent} AND state = 'answering' RETURNING *`
  return rows.map(utteranceOf)
}

function only(rows: readonly Row[]): Utterance {
  const [row] = rows
  if (row === undefined) throw new Error('INSERT gave no row')
  return utteranceOf(row)
}

import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Store } from '../store/store.ts'
import type { Utterance } from './agents.ts'
import type { AnswerOutcome, Message, Turn } from './protocol.ts'

interface Row {
  id: string
  agent: string
  role: Utterance['role']
  by_name: string
  text: string
  state: Utterance['state']
  at: Date
  position: string
  answers: string | null
  attempt: number
}

const utteranceOf = (row: Row): Utterance => ({
  id: row.id,
  agent: row.agent,
  role: row.role,
  by: row.by_name,
  text: row.text,
  state: row.state,
  at: row.at.toISOString(),
  ...(row.answers === null ? {} : { answers: row.answers }),
})

/** What a change of the conversation made of it: the utterances that differ now. */
export interface Recorded {
  readonly outcome: AnswerOutcome
  readonly changed: readonly Utterance[]
}

/** Everything said to and by the agents, in Postgres. */
export interface Conversations {
  /** Commits a person's question together with the message that carries it. */
  ask(agent: string, text: string, by: string, source: string, at: Date): Promise<{ utterance: Utterance; message: Message }>
  /** The newest, oldest first. */
  last(agent: string, limit: number): Promise<readonly Utterance[]>
  /** Messages whose question has no answer yet, oldest first. */
  unanswered(agent: string): Promise<readonly Message[]>
  start(agent: string, id: string, at: Date): Promise<Recorded>
  /** The answer under way, when `attempt` is the one that counts. */
  current(agent: string, id: string, attempt: number): Promise<Utterance | undefined>
  finish(
    agent: string,
    id: string,
    attempt: number,
    ending: { state: 'done' | 'failed'; text: string; at: Date },
  ): Promise<Recorded>
  /** The process is gone: what it was answering is a question again. */
  requeue(agent: string): Promise<readonly Utterance[]>
}

/** Utterances before a question that the model is given. */
const contextLength = 40

export function createConversations(store: Store): Conversations {
  return {
    ask: (agent, text, by, source, at) => ask(store, agent, text, by, source, at),
    async last(agent, limit) {
      const rows = await store<Row[]>`SELECT * FROM utterance WHERE agent = ${agent} ORDER BY position DESC LIMIT ${limit}`
      return rows.map(utteranceOf).reverse()
    },
    unanswered: agent => unanswered(store, agent),
    start: (agent, id, at) => store.begin(transaction => start(transaction, agent, id, at)),
    async current(agent, id, attempt) {
      const rows = await store<Row[]>`
        SELECT * FROM utterance WHERE agent = ${agent} AND answers = ${id} AND attempt = ${attempt} AND state = 'answering'`
      return rows.map(utteranceOf)[0]
    },
    finish: (agent, id, attempt, ending) => store.begin(transaction => finish(transaction, agent, id, attempt, ending)),
    async requeue(agent) {
      const rows = await store<Row[]>`
        UPDATE utterance SET state = 'queued', text = CASE role WHEN 'agent' THEN '' ELSE text END
        WHERE agent = ${agent} AND state = 'answering' RETURNING *`
      return rows.map(utteranceOf)
    },
  }
}

async function ask(store: Store, agent: string, text: string, by: string, source: string, at: Date) {
  const id = randomUUID()
  const payload = { action: 'answer', text, by }
  const utterance = await store.begin(async transaction => {
    await transaction`
      INSERT INTO message (id, at, source, target, type, priority, payload)
      VALUES (${id}, ${at}, ${source}, ${agent}, 'query', 5, ${transaction.json(payload)})`
    const rows = await transaction<Row[]>`
      INSERT INTO utterance (id, agent, role, by_name, text, state, at)
      VALUES (${id}, ${agent}, 'person', ${by}, ${text}, 'queued', ${at}) RETURNING *`
    return rows.map(utteranceOf)[0]
  })
  if (utterance === undefined) throw new Error('INSERT gave no row')
  const message: Message = {
    id,
    timestamp: at.toISOString(),
    source,
    target: agent,
    type: 'query',
    priority: 5,
    payload,
    pai: {},
  }
  return { utterance, message }
}

async function unanswered(store: Store, agent: string): Promise<readonly Message[]> {
  const rows = await store<(Omit<Message, 'timestamp'> & { at: Date })[]>`
    SELECT message.id, message.at, source, target, type, priority, payload, pai
    FROM utterance JOIN message USING (id)
    WHERE utterance.agent = ${agent} AND role = 'person' AND state IN ('queued', 'answering') ORDER BY position`
  return rows.map(({ at, ...message }) => ({ ...message, timestamp: at.toISOString() }))
}

async function start(store: ISql, agent: string, id: string, at: Date): Promise<Recorded> {
  const [question] = await store<Row[]>`
    UPDATE utterance SET state = 'answering', attempt = attempt + 1
    WHERE id = ${id} AND agent = ${agent} AND role = 'person' AND state IN ('queued', 'answering') RETURNING *`
  if (question === undefined) return { outcome: { outcome: 'settled' }, changed: [] }
  const [answer] = await store<Row[]>`
    INSERT INTO utterance (id, agent, role, by_name, text, state, at, answers, attempt)
    VALUES (${randomUUID()}, ${agent}, 'agent', ${agent}, '', 'answering', ${at}, ${id}, ${question.attempt})
    ON CONFLICT (answers) DO UPDATE SET text = '', state = 'answering', at = excluded.at, attempt = excluded.attempt RETURNING *`
  const history = await before(store, agent, question.position)
  const changed = [question, ...(answer ? [answer] : [])].map(utteranceOf)
  return { outcome: { outcome: 'go', attempt: question.attempt, question: utteranceOf(question), history }, changed }
}

/** Answered questions with their answers, as turns. A failed answer is no turn: the model did not say it. */
async function before(store: ISql, agent: string, position: string): Promise<readonly Turn[]> {
  const rows = await store<{ question: string; answer: string }[]>`
    SELECT question.text AS question, answer.text AS answer
    FROM utterance AS question JOIN utterance AS answer ON answer.answers = question.id
    WHERE question.agent = ${agent} AND question.position < ${position} AND answer.state = 'done'
    ORDER BY question.position DESC LIMIT ${contextLength / 2}`
  return rows.reverse().flatMap((row): Turn[] => [
    { role: 'person', text: row.question },
    { role: 'agent', text: row.answer },
  ])
}

async function finish(
  store: ISql,
  agent: string,
  id: string,
  attempt: number,
  { state, text, at }: { state: 'done' | 'failed'; text: string; at: Date },
): Promise<Recorded> {
  const answers = await store<Row[]>`
    UPDATE utterance SET text = ${text}, state = ${state}, at = ${at}
    WHERE agent = ${agent} AND answers = ${id} AND attempt = ${attempt} AND state IN ('queued', 'answering') RETURNING *`
  if (answers.length === 0) return { outcome: { outcome: 'settled' }, changed: [] }
  const questions = await store<Row[]>`UPDATE utterance SET state = ${state} WHERE id = ${id} RETURNING *`
  return { outcome: { outcome: 'recorded' }, changed: [...questions, ...answers].map(utteranceOf) }
}

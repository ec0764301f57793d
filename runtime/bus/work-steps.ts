import type { ISql } from 'postgres'
import { longestStepOutput, type WorkStep } from './agents.ts'

interface Row {
  work: string
  call: string
  tool: string
  title: string
  state: WorkStep['state']
  summary: string
  output: string
  after_text: number
  started_at: Date
  milliseconds: number | null
}

const stepOf = (row: Row): WorkStep => ({
  work: row.work,
  call: row.call,
  tool: row.tool,
  title: row.title,
  state: row.state,
  summary: row.summary,
  output: row.output,
  afterText: row.after_text,
  startedAt: row.started_at.toISOString(),
  milliseconds: row.milliseconds ?? undefined,
})

/** Steps of one thread that are shown. */
const mostSteps = 500

export async function stepsOf(store: ISql, thread: string): Promise<readonly WorkStep[]> {
  const rows = await store<Row[]>`
    SELECT * FROM work_step WHERE thread = ${thread} ORDER BY position DESC LIMIT ${mostSteps}`
  return rows.map(stepOf).reverse()
}

export interface NewStep {
  readonly work: string
  readonly thread: string
  readonly call: string
  readonly tool: string
  readonly title: string
  readonly afterText: number
}

/** A call that is made again after its process died begins again. */
export async function startStep(store: ISql, step: NewStep, at: Date): Promise<void> {
  await store`
    INSERT INTO work_step (work, call, thread, tool, title, state, after_text, started_at)
    VALUES (${step.work}, ${step.call}, ${step.thread}, ${step.tool}, ${step.title}, 'running', ${step.afterText}, ${at})
    ON CONFLICT (work, call) DO UPDATE SET state = 'running', summary = '', output = '', milliseconds = NULL,
      title = excluded.title, started_at = excluded.started_at`
}

export async function addOutput(store: ISql, work: string, call: string, text: string): Promise<void> {
  await store`
    UPDATE work_step SET output = right(output || ${text}, ${longestStepOutput}) WHERE work = ${work} AND call = ${call}`
}

export async function endStep(
  store: ISql,
  work: string,
  call: string,
  ending: { readonly outcome: 'done' | 'failed' | 'denied'; readonly summary: string; readonly milliseconds: number },
): Promise<void> {
  const milliseconds = Math.min(Math.max(ending.milliseconds, 0), 2_147_483_647)
  await store`
    UPDATE work_step SET state = ${ending.outcome}, summary = ${ending.summary}, milliseconds = ${milliseconds}
    WHERE work = ${work} AND call = ${call}`
}

/** The work is over: what still ran of it was ended with it. */
export async function endSteps(store: ISql, work: string): Promise<void> {
  await store`UPDATE work_step SET state = 'failed', summary = 'ended' WHERE work = ${work} AND state = 'running'`
}

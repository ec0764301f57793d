import type { ISql } from 'postgres'
import { readFields } from './parse.ts'
import type { Entry, Usage } from './work.ts'
import { readEntry } from './work-protocol.ts'

/** Which event of which attempt at which work something was told with; what is told twice is kept once. */
export interface Origin {
  readonly work: string
  readonly attempt: number
  readonly event: number
}

/** What the model is told of a thread: everything since the last beginning. */
export async function readTranscript(store: ISql, thread: string): Promise<readonly Entry[]> {
  const rows = await store<{ role: string; content: unknown }[]>`
    SELECT role, content FROM transcript
    WHERE thread = ${thread} AND position >= coalesce(
      (SELECT max(position) FROM transcript WHERE thread = ${thread} AND begins), 0)
    ORDER BY position`
  return rows.map(row => readEntry(readFields(row, 'transcript')))
}

/** Whether the transcript ends with what a work has told of itself. */
export async function hasBegun(store: ISql, thread: string, work: string): Promise<boolean> {
  const [last] = await store<{ work: string }[]>`
    SELECT work FROM transcript WHERE thread = ${thread} ORDER BY position DESC LIMIT 1`
  return last?.work === work
}

/** Adds entries to the thread; with `begins` they take the place of all before them. */
export async function addEntries(
  store: ISql,
  thread: string,
  origin: Origin,
  entries: readonly Entry[],
  begins: boolean,
  at: Date,
): Promise<void> {
  for (const [part, { role, content }] of entries.entries()) {
    await store`
      INSERT INTO transcript (thread, role, content, work, attempt, event, part, begins, at)
      VALUES (${thread}, ${role}, ${JSON.stringify(content)}::text::json, ${origin.work}, ${origin.attempt}, ${origin.event},
        ${part}, ${begins && part === 0}, ${at})
      ON CONFLICT (work, attempt, event, part) DO NOTHING`
  }
}

export async function addUsage(
  store: ISql,
  agent: string,
  thread: string,
  { work, attempt, event }: Origin,
  usage: Usage,
  at: Date,
): Promise<void> {
  await store`
    INSERT INTO model_usage (work, attempt, event, agent, thread, model, input_tokens, output_tokens, cache_read_tokens,
      cache_write_tokens, at)
    VALUES (${work}, ${attempt}, ${event}, ${agent}, ${thread}, ${usage.model}, ${usage.inputTokens}, ${usage.outputTokens},
      ${usage.cacheReadTokens}, ${usage.cacheWriteTokens}, ${at})
    ON CONFLICT (work, attempt, event) DO NOTHING`
}

import type { Store } from '../store/store.ts'

/** Where a piece of work belongs, for whoever holds its newest attempt. */
export interface WorkPlace {
  readonly thread: string
  readonly task: string | undefined
  /** Text of strangers is in the thread. */
  readonly tainted: boolean
}

/** Undefined when this attempt does not count (any more): another one began, its task's lease went on, or the work has ended. */
export async function placeOfWork(store: Store, agent: string, work: string, attempt: number): Promise<WorkPlace | undefined> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(work) || attempt > 2_147_483_647) return undefined
  const rows = await store<{ thread: string; tainted: boolean; task: string | null }[]>`
    SELECT thread.id AS thread, thread.tainted, coalesce(message.task, thread.task) AS task
    FROM utterance JOIN thread ON thread.id = utterance.thread LEFT JOIN message ON message.id = utterance.id
    WHERE utterance.id = ${work} AND utterance.agent = ${agent} AND utterance.attempt = ${attempt}
      AND utterance.state IN ('queued', 'answering')
      AND (message.task IS NULL OR EXISTS (
        SELECT 1 FROM task WHERE task.id = message.task::uuid AND task.token = ${attempt}
          AND task.state NOT IN ('completed', 'failed', 'cancelled', 'ready', 'pending')))`
  const [row] = rows
  return row && { thread: row.thread, tainted: row.tainted, task: row.task ?? undefined }
}

/** The thread of a work, whether it still counts or not. */
export async function threadOfWork(store: Store, work: string): Promise<string | undefined> {
  const rows = await store<{ thread: string }[]>`SELECT thread FROM utterance WHERE id::text = ${work}`
  return rows[0]?.thread
}

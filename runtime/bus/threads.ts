import { randomUUID } from 'node:crypto'
import type { ISql } from 'postgres'
import type { Store } from '../store/store.ts'
import type { Thread } from './agents.ts'
import { isUuid } from './envelope.ts'

export interface ThreadRow {
  id: string
  agent: string
  kind: Thread['kind']
  title: string
  task: string | null
  created_by: string
  tainted: boolean
  sources: string[]
  created_at: Date
  said_at: Date | null
  archived: boolean
}

export const threadOf = (row: ThreadRow): Thread => ({
  id: row.id,
  agent: row.agent,
  kind: row.kind,
  title: row.title,
  task: row.task ?? undefined,
  createdBy: row.created_by,
  tainted: row.tainted,
  sources: row.sources,
  createdAt: row.created_at.toISOString(),
  saidAt: (row.said_at ?? row.created_at).toISOString(),
  archived: row.archived,
})

/** Conversations, and the threads of tasks, in Postgres. */
export interface Threads {
  get(id: string): Promise<Thread | undefined>
  /** Newest first. */
  of(agent: string): Promise<readonly Thread[]>
  open(agent: string, title: string, by: string, at: Date): Promise<Thread>
  change(id: string, change: { readonly title?: string; readonly archived?: boolean }): Promise<boolean>
  /** The agent's first one, made when it is first asked for. */
  main(agent: string, at: Date): Promise<Thread>
  /** That of an agent's work on a task, made when it begins. */
  ofTask(task: { readonly id: string; readonly name: string; readonly by: string }, agent: string, at: Date): Promise<Thread>
}

/** Threads that a list shows. */
const mostListed = 200
/** Where text of strangers came from: so many are remembered. */
const mostSources = 50

export function createThreads(store: Store): Threads {
  const one = (rows: readonly ThreadRow[]): Thread => {
    const [row] = rows
    if (row === undefined) throw new Error('INSERT gave no row')
    return threadOf(row)
  }
  return {
    async get(id) {
      if (!isUuid(id)) return undefined
      return (await store<ThreadRow[]>`SELECT *, ${saidAt(store)} FROM thread WHERE id = ${id}`).map(threadOf)[0]
    },
    async of(agent) {
      const rows = await store<ThreadRow[]>`
        SELECT * FROM (SELECT *, ${saidAt(store)} FROM thread WHERE agent = ${agent}) AS said
        ORDER BY coalesce(said_at, created_at) DESC, id LIMIT ${mostListed}`
      return rows.map(threadOf)
    },
    async open(agent, title, by, at) {
      return one(
        await store<ThreadRow[]>`
          INSERT INTO thread (id, agent, kind, title, created_by, created_at)
          VALUES (${randomUUID()}, ${agent}, 'chat', ${title}, ${by}, ${at}) RETURNING *, NULL AS said_at`,
      )
    },
    async change(id, { title = null, archived = null }) {
      const changed = await store`
        UPDATE thread SET title = coalesce(${title}, title), archived = coalesce(${archived}, archived) WHERE id = ${id}`
      return changed.count === 1
    },
    async main(agent, at) {
      const known = await store<ThreadRow[]>`SELECT *, ${saidAt(store)} FROM thread WHERE agent = ${agent} AND main`
      if (known.length > 0) return one(known)
      return one(
        await store<ThreadRow[]>`
          INSERT INTO thread (id, agent, kind, title, created_by, created_at, main)
          VALUES (${randomUUID()}, ${agent}, 'chat', '', 'operator', ${at}, true)
          ON CONFLICT (agent) WHERE main DO UPDATE SET main = true RETURNING *, NULL AS said_at`,
      )
    },
    async ofTask({ id, name, by }, agent, at) {
      return one(
        await store<ThreadRow[]>`
          INSERT INTO thread (id, agent, kind, title, task, created_by, created_at)
          VALUES (${randomUUID()}, ${agent}, 'task', ${name}, ${id}, ${by}, ${at})
          ON CONFLICT (task, agent) DO UPDATE SET title = excluded.title RETURNING *, NULL AS said_at`,
      )
    },
  }
}

export const saidAt = (store: ISql) => store`(SELECT max(at) FROM utterance WHERE utterance.thread = thread.id) AS said_at`

export async function isTainted(store: ISql, thread: string): Promise<boolean> {
  return (await store`SELECT 1 FROM thread WHERE id = ${thread} AND tainted`).length > 0
}

/**
 * What a task works on may come from threads with text of strangers in them: the one that asked, those of tasks before, of
 * tasks that sent it back with a finding, and of agents that handed it on.
 */
export async function inheritTaint(
  store: ISql,
  thread: string,
  task: {
    readonly id: string
    readonly graph: string
    readonly thread: string | undefined
    readonly dependsOn: readonly string[]
  },
): Promise<void> {
  const asker = task.thread !== undefined && isUuid(task.thread) ? task.thread : null
  const found = await store<{ title: string }[]>`
    SELECT title FROM thread WHERE tainted AND id <> ${thread} AND (
      id = ${asker} OR task = ANY (${[task.id, ...task.dependsOn]}::text[])
      OR task IN (SELECT task_dependency.task::text FROM task_dependency WHERE needs = ${isUuid(task.id) ? task.id : null})
      OR id IN (
        SELECT utterance.thread FROM task_graph JOIN utterance ON utterance.id::text = task_graph.origin
        WHERE task_graph.id = ${isUuid(task.graph) ? task.graph : null}))
    LIMIT 1`
  for (const { title } of found) await taint(store, thread, `what it works on: ${title || 'the conversation that asked'}`)
}

/** Whoever reads what came of tasks reads what stood in their threads. */
export async function inheritFromTasks(store: ISql, thread: string, tasks: readonly string[]): Promise<void> {
  const found = await store<{ title: string }[]>`
    SELECT title FROM thread WHERE tainted AND id <> ${thread} AND task = ANY (${[...tasks]}::text[]) LIMIT 1`
  for (const { title } of found) await taint(store, thread, `what came of the task ${title}`)
}

/** Text of strangers came into the thread; it stays so. */
export async function taint(store: ISql, thread: string, source: string): Promise<void> {
  await store`
    UPDATE thread SET tainted = true, sources = CASE
      WHEN ${source} = ANY (sources) OR cardinality(sources) >= ${mostSources} THEN sources ELSE sources || ${source}::text END
    WHERE id = ${thread}`
}

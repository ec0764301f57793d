import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Store } from '../store/store.ts'
import { type Announcement, idOf, type News } from './news.ts'
import type { OpenTasks } from './open.ts'
import { graphTasks, readRows } from './read.ts'
import { type TaskRow, taskOf } from './row.ts'
import type { TaskEvent, TaskState } from './task.ts'
import type { Touched } from './touched.ts'

export interface TellingDeps {
  readonly store: Store
  /** Ready and claimed tasks of an agent, or of all; the most urgent first. */
  readonly announced: (agent: string | undefined) => Promise<readonly string[]>
  readonly open: Pick<OpenTasks, 'has'>
  readonly log: Log
  /** Puts tasks in their agents' inboxes; the same announcement may come again. */
  readonly announce: ((announcements: readonly Announcement[]) => Promise<void>) | undefined
  /** Told until it once does not fail; the same news may come again. */
  readonly told: ((news: News) => Promise<void>) | undefined
}

/** Tells, after a commit, of what changed: listeners, agents whose task is ready, and who asked for a graph that ended. */
export interface Telling {
  tell(touched: readonly Touched[]): void
  subscribe(listener: (event: TaskEvent) => void): () => void
  /** Announces again whatever is ready or claimed, of all agents or one, and tells what was not told. */
  catchUp(agent?: string): Promise<void>
  idle(): Promise<void>
}

export function createTelling(deps: TellingDeps): Telling {
  const listeners = new Set<(event: TaskEvent) => void>()
  let waiting: Touched[] = []
  let last: Promise<void> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    last = last.then(work).catch(error => {
      deps.log.warn('tasks not told of', { component: 'tasks', error: explain(error) })
    })
    return last
  }
  const flush = async () => {
    const touched = waiting
    waiting = []
    await show(deps, listeners, touched)
    if (deps.told !== undefined) await tellEnded(deps, deps.told, graphsOf(deps.open, touched))
  }
  return {
    tell(touched) {
      const empty = waiting.length === 0
      for (const one of touched) waiting.push(one)
      if (empty && touched.length > 0) void inTurn(flush)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    catchUp: agent =>
      inTurn(async () => {
        await announceOpen(deps, agent)
        if (agent === undefined && deps.told !== undefined) await tellEnded(deps, deps.told, undefined)
      }),
    async idle() {
      await last
    },
  }
}

async function show(deps: TellingDeps, listeners: ReadonlySet<(event: TaskEvent) => void>, touched: readonly Touched[]) {
  const ready = deps.announce === undefined ? [] : touched.filter(({ state }) => state === 'ready')
  const shown = listeners.size > 0 ? touched : ready
  if (shown.length === 0) return
  const rows = await readRows(deps.store, [...new Set(shown.map(({ id }) => id))])
  for (const row of rows) {
    for (const listener of listeners) listener({ type: 'changed', task: taskOf(row) })
  }
  const announced = new Set(ready.map(({ id }) => id))
  await announceRows(
    deps,
    rows.filter(row => row.state === 'ready' && announced.has(row.id)),
  )
}

async function announceOpen(deps: TellingDeps, agent: string | undefined): Promise<void> {
  if (deps.announce === undefined) return
  const ids = await deps.announced(agent)
  const rows = new Map((await readRows(deps.store, ids)).map(row => [row.id, row]))
  await announceRows(
    deps,
    ids.flatMap(id => rows.get(id) ?? []),
  )
}

async function announceRows({ announce }: TellingDeps, rows: readonly TaskRow[]): Promise<void> {
  if (rows.length === 0) return
  await announce?.(rows.map(row => ({ id: idOf('task', row.id, row.round), task: taskOf(row) })))
}

const endings: ReadonlySet<TaskState> = new Set(['completed', 'failed', 'cancelled', 'pending'])

/** Graphs of which there may be something to tell: what is completed is told of once all is. */
const graphsOf = (open: TellingDeps['open'], touched: readonly Touched[]): readonly string[] => [
  ...new Set(
    touched
      .filter(({ state, graph }) => endings.has(state) && (state !== 'completed' || !open.has(graph)))
      .map(({ graph }) => graph),
  ),
]

interface GraphRow {
  readonly id: string
  readonly by_name: string
  readonly thread: string | null
  readonly origin: string | null
  readonly round: number
  readonly ended: boolean
  /** Tasks of it that failed for good or are held, untold, with the token that they had. */
  readonly untold: readonly { readonly id: string; readonly token: number }[]
}

/** Looks at these graphs, or at all, for what was not told yet. */
async function tellEnded(
  { store }: TellingDeps,
  told: (news: News) => Promise<void>,
  graphs: readonly string[] | undefined,
): Promise<void> {
  if (graphs?.length === 0) return
  const rows = await untoldGraphs(store, graphs)
  for (const row of rows) {
    const tasks = await graphTasks(store, row.id)
    const about = { graph: row.id, by: row.by_name, thread: row.thread ?? undefined, origin: row.origin ?? undefined, tasks }
    if (row.ended) {
      await told({ ...about, id: idOf('ended', row.id, row.round), kind: 'ended', task: undefined })
    } else {
      for (const { id, token } of row.untold) {
        const task = tasks.find(one => one.id === id)
        const kind = task?.state === 'failed' ? 'failed' : 'held'
        await told({ ...about, id: idOf(kind, id, token), kind, task })
      }
    }
    const ids = row.untold.map(({ id }) => id)
    await store`UPDATE task SET untold = false WHERE id = ANY(${ids}::uuid[])`
    if (row.ended) await store`UPDATE task_graph SET told = true WHERE id = ${row.id} AND round = ${row.round}`
  }
}

/** Each subquery stops at its first row, by an index: a plan made while the tables were small must not walk them later. */
async function untoldGraphs(store: Store, graphs: readonly string[] | undefined): Promise<readonly GraphRow[]> {
  const some = graphs === undefined ? store`NOT g.told` : store`NOT g.told AND g.id = ANY(${[...graphs]}::uuid[])`
  return store<GraphRow[]>`
    SELECT g.id, by_name, thread, origin, round, ending.open IS NULL AS ended, COALESCE(ending.untold, '[]') AS untold
    FROM task_graph g CROSS JOIN LATERAL (
      SELECT
        (SELECT 1 FROM task WHERE graph = g.id AND state NOT IN ('completed', 'failed', 'cancelled') LIMIT 1) AS open,
        (SELECT json_agg(json_build_object('id', id, 'token', token)) FROM task WHERE graph = g.id AND untold) AS untold
      OFFSET 0
    ) AS ending
    WHERE ${some} AND (ending.open IS NULL OR ending.untold IS NOT NULL)`
}

import type { Store } from '../store/store.ts'
import { byUrgency, createQueue, type Queue } from './queue.ts'
import type { TaskState } from './task.ts'
import { endedStates, type Touched, touchedColumns } from './touched.ts'

/** A task that has not ended, as memory keeps it. */
interface OpenTask {
  readonly id: string
  readonly graph: string
  readonly agent: string
  readonly state: TaskState
  /** Milliseconds since 1970; undefined when time changes nothing. */
  readonly due: number | undefined
  readonly rank: number
  readonly position: number
}

/**
 * What has not ended, in memory: Postgres has the truth, this is only where it is found. Without it each change of a state
 * would be written into the indexes of the table as well. It follows every commit, and after a statement whose outcome is
 * unknown it is read anew before anybody goes by it.
 */
export interface OpenTasks {
  /** Takes over what a commit changed, in the order of the commits. */
  follow(touched: readonly Touched[]): void
  /** What is known may be wrong from now on. */
  doubt(): void
  /** Reads everything that has not ended, unless what is known is right. True when what was known before was in doubt. */
  sure(): Promise<boolean>
  /** Ready tasks of an agent, the most urgent first. */
  first(agent: string, count: number): readonly string[]
  /** Tasks that are due by then, the earliest first. */
  due(at: Date, most: number): readonly string[]
  nextDue(): Date | undefined
  /** Ready and claimed tasks of an agent, or of all; the most urgent first. */
  announced(agent: string | undefined): readonly string[]
  /** Whether anything of a graph has not ended. */
  has(graph: string): boolean
}

export function createOpenTasks(store: Store): OpenTasks {
  const tasks = new Map<string, OpenTask>()
  const ready = new Map<string, Queue<OpenTask>>()
  const graphs = new Map<string, number>()
  let known: 'nothing' | 'all' | 'in doubt' = 'nothing'

  const remove = (id: string) => {
    const task = tasks.get(id)
    if (task === undefined) return
    tasks.delete(id)
    const left = (graphs.get(task.graph) ?? 1) - 1
    if (left === 0) graphs.delete(task.graph)
    else graphs.set(task.graph, left)
    if (task.state !== 'ready') return
    ready.get(task.agent)?.remove(task)
  }
  const add = (task: OpenTask) => {
    tasks.set(task.id, task)
    graphs.set(task.graph, (graphs.get(task.graph) ?? 0) + 1)
    if (task.state !== 'ready') return
    const queue = ready.get(task.agent) ?? createQueue()
    ready.set(task.agent, queue)
    queue.add(task)
  }
  const follow = (touched: readonly Touched[]) => {
    for (const one of touched) {
      remove(one.id)
      if (!ended.has(one.state)) add(openOf(one))
    }
  }
  return {
    follow,
    doubt() {
      if (known === 'all') known = 'in doubt'
    },
    async sure() {
      if (known === 'all') return false
      const doubted = known === 'in doubt'
      const rows = await readOpen(store)
      for (const each of [tasks, ready, graphs]) each.clear()
      follow(rows)
      known = 'all'
      return doubted
    },
    first: (agent, count) =>
      ready
        .get(agent)
        ?.first(count)
        .map(({ id }) => id) ?? [],
    due: (at, most) =>
      [...tasks.values()]
        .filter(({ due }) => due !== undefined && due <= at.getTime())
        .sort((one, other) => (one.due ?? 0) - (other.due ?? 0))
        .slice(0, most)
        .map(({ id }) => id),
    nextDue() {
      let next: number | undefined
      for (const { due } of tasks.values()) if (due !== undefined && (next === undefined || due < next)) next = due
      return next === undefined ? undefined : new Date(next)
    },
    announced: agent =>
      [...tasks.values()]
        .filter(task => toldToAgents.has(task.state) && (agent === undefined || task.agent === agent))
        .sort(byUrgency)
        .map(({ id }) => id),
    has: graph => graphs.has(graph),
  }
}

const ended: ReadonlySet<TaskState> = new Set(endedStates)
const toldToAgents: ReadonlySet<TaskState> = new Set(['ready', 'assigned', 'in_progress'])

const openOf = ({ id, graph, agent, state, due, rank, position }: Touched): OpenTask => ({
  ...{ id, graph, agent, state, due: due?.getTime() },
  ...{ rank: Number(rank), position: Number(position) },
})

/** Whoever asked for a graph is told of its end once nothing of it is open, so all that is open is in a graph that was not told. */
const readOpen = (store: Store) => store<Touched[]>`
  SELECT ${touchedColumns(store)} FROM task_graph JOIN task ON task.graph = task_graph.id
  WHERE NOT task_graph.told AND task.state NOT IN ('completed', 'failed', 'cancelled')`

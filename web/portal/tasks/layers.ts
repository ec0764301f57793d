import type { Task } from '../../../runtime/tasks/task.ts'

/** A task with its place in the drawing of its graph: columns follow what depends on what. */
export interface Placed {
  readonly task: Task
  readonly column: number
  readonly row: number
}

/** Puts every task to the right of all that it depends on, near to them. */
export function layersOf(tasks: readonly Task[]): readonly Placed[] {
  const columns = columnsOf(tasks)
  const rows = new Map<string, number>()
  const placed: Placed[] = []
  const depth = Math.max(-1, ...columns.values())
  for (let column = 0; column <= depth; column++) {
    const here = tasks.filter(({ id }) => columns.get(id) === column)
    const pull = (task: Task) => {
      const known = task.dependsOn.flatMap(id => rows.get(id) ?? [])
      return known.length === 0 ? Number.POSITIVE_INFINITY : known.reduce((sum, row) => sum + row, 0) / known.length
    }
    const ordered = here.map(task => ({ task, pull: pull(task) })).sort((a, b) => (a.pull === b.pull ? 0 : a.pull - b.pull))
    ordered.forEach(({ task }, row) => {
      rows.set(task.id, row)
      placed.push({ task, column, row })
    })
  }
  return placed
}

/** The longest way from a beginning. The graph has no cycles; a dependency outside of it counts for nothing. */
function columnsOf(tasks: readonly Task[]): ReadonlyMap<string, number> {
  const byId = new Map(tasks.map(task => [task.id, task]))
  const columns = new Map<string, number>()
  const follow = (task: Task): number => {
    const known = columns.get(task.id)
    if (known !== undefined) return known
    // Guards against a cycle that should not be there.
    columns.set(task.id, 0)
    const before = task.dependsOn.flatMap(id => byId.get(id) ?? [])
    const column = before.length === 0 ? 0 : Math.max(...before.map(follow)) + 1
    columns.set(task.id, column)
    return column
  }
  for (const task of tasks) follow(task)
  return columns
}

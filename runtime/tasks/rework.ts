import type { ISql } from 'postgres'
import type { Core } from './core.ts'
import { failForGood } from './failure.ts'
import { longestText, mostReworks } from './numbers.ts'
import { readTasks } from './read.ts'
import { recount } from './recount.ts'
import { type Running, released, withRunning } from './running.ts'
import { isId, storable } from './submission.ts'
import type { ReworkResult, TaskState } from './task.ts'
import type { Touched } from './touched.ts'

/** Characters of one finding: as many rounds as there are fit beside the description. */
const longestFinding = longestText / 5

interface Upstream {
  readonly id: string
  readonly name: string
  readonly state: TaskState
}

export async function rework(core: Core, id: string, token: number, upstream: string, finding: string): Promise<ReworkResult> {
  const words = storable(finding).trim().slice(0, longestFinding)
  if (words === '') return { outcome: 'refused', reason: 'the finding is empty: say what is wrong, and how one sees it' }
  let result: ReworkResult = { outcome: 'settled' }
  let reopened = ''
  const counted = await withRunning(core, id, token, async (store, task) => {
    const found = await upstreamOf(store, task, upstream)
    if (typeof found === 'string') {
      result = { outcome: 'refused', reason: found }
      return []
    }
    if (task.reworks >= mostReworks) {
      const sentence = `${task.agent} sent work back ${mostReworks} times, and ${found.name} is still not right: ${words}; a person decides how it goes on`
      result = { outcome: 'ended', reason: sentence }
      return failForGood(core, store, id, sentence)
    }
    reopened = found.id
    return reopen(core, store, task, found.id, words)
  })
  if (!counted || reopened === '') return result
  const [task, own] = await Promise.all([
    readTasks(core.store, [reopened]),
    core.store<{ reworks: number }[]>`SELECT reworks FROM task WHERE id = ${id}`,
  ])
  return task[0] === undefined ? result : { outcome: 'reopened', round: own[0]?.reworks ?? 0, task: task[0] }
}

/** The one task of that id or name among those that this one needs, at any distance, in its own graph; else what is wrong. */
async function upstreamOf(store: ISql, task: Running, wanted: string): Promise<Upstream | string> {
  const rows = await store<Upstream[]>`
    WITH RECURSIVE above(id) AS (
      SELECT needs FROM task_dependency WHERE task_dependency.task = ${task.id}
      UNION SELECT needs FROM above JOIN task_dependency ON task_dependency.task = above.id
    )
    SELECT id, name, state FROM above JOIN task USING (id) WHERE graph = ${task.graph} ORDER BY position`
  const found = rows.find(row => row.name === wanted || (isId(wanted) && row.id === wanted.toLowerCase()))
  if (found === undefined) {
    const names = rows.slice(0, 20).map(row => JSON.stringify(row.name))
    return `${task.name} needs no task ${JSON.stringify(wanted)}; it needs ${names.join(', ') || 'none'}`
  }
  return found.state === 'completed' ? found : `${found.name} is ${found.state}: only a completed task is sent back`
}

/**
 * Begins the one above anew, with everything between the two; whatever has not begun and needs one of these waits again.
 * What runs elsewhere on the old result goes on.
 */
async function reopen(core: Core, store: ISql, task: Running, upstream: string, finding: string): Promise<readonly Touched[]> {
  const now = core.clock.now()
  const round = task.reworks + 1
  await store`
    UPDATE task SET ${released(store, now)}, state = 'blocked', reason = '', trying = false, tries = 0, token = token + 1,
      reworks = ${round}, lost = 0
    WHERE id = ${task.id}`
  const between = await store<{ id: string }[]>`
    WITH RECURSIVE below(id) AS (
      SELECT ${upstream}::uuid
      UNION SELECT task_dependency.task FROM below JOIN task_dependency ON needs = below.id
    ), above(id) AS (
      SELECT ${task.id}::uuid
      UNION SELECT needs FROM above JOIN task_dependency ON task_dependency.task = above.id
    )
    UPDATE task SET state = 'blocked', reason = '', ended_at = NULL, trying = false, tries = 0, lost = 0, token = token + 1
    WHERE state = 'completed' AND id IN (SELECT id FROM below) AND id IN (SELECT id FROM above) RETURNING id`
  const note = `\n\nSent back by ${task.agent}, round ${round} of ${mostReworks}:\n${finding}`
  const criterion = `what ${task.agent} found in round ${round} is mended`
  await store`
    UPDATE task SET description = description || ${note}, criteria = criteria || ${store.json([criterion])}
    WHERE id = ${upstream}`
  const ids = between.map(row => row.id)
  const waiting = await store<{ id: string }[]>`
    SELECT DISTINCT task.id FROM task_dependency JOIN task ON task.id = task_dependency.task
    WHERE needs = ANY(${ids}::uuid[]) AND state IN ('pending', 'ready', 'blocked')`
  return recount(store, [...new Set([task.id, ...ids, ...waiting.map(row => row.id)])], now)
}

import type { News } from './news.ts'
import type { Task } from './task.ts'

/** Of one result, and of all that is told at once. */
const longestResult = 6_000
const longestNews = 60_000
/** Tasks that are told one by one. */
const mostTold = 40

/** What whoever asked for the tasks reads: how they ended, and what came of each. */
export function newsText(news: News): string {
  const text = [headline(news), ...sections(news)].join('\n\n')
  return text.length > longestNews ? `${text.slice(0, longestNews)}\n\n… the rest is in the tasks themselves` : text
}

function headline({ kind, task, tasks }: News): string {
  if (kind === 'held') return `The task ${task?.name ?? ''} waits: ${task?.reason ?? ''}.`
  if (kind === 'failed') return `The task ${task?.name ?? ''} of ${task?.agent ?? ''} failed for good; others of its graph go on.`
  const failed = tasks.filter(({ state }) => state === 'failed').length
  const cancelled = tasks.filter(({ state }) => state === 'cancelled').length
  if (failed + cancelled === 0) return tasks.length === 1 ? 'The task is done.' : `All ${tasks.length} tasks are done.`
  const counts = [
    `${tasks.length - failed - cancelled} of ${tasks.length} tasks are done`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
  ]
  return `${counts.join(', ')}.`
}

function sections({ kind, task, tasks }: News): readonly string[] {
  const told = kind === 'ended' || task === undefined ? tasks : [task]
  const shown = told.slice(0, mostTold).map(section)
  return told.length > mostTold ? [...shown, `… and ${told.length - mostTold} more tasks`] : shown
}

function section({ id, name, agent, state, result, error, reason }: Task): string {
  const words = state === 'completed' ? result : (error ?? reason)
  return `## ${name} (${agent}): ${state}\nTask ${id}\n\n${(words ?? '').slice(0, longestResult)}`
}

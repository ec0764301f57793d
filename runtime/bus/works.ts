import type { Spent } from '../tasks/task.ts'
import type { Utterance } from './agents.ts'
import { another, finishWork, stopWork } from './end-work.ts'
import type { LiveAnswer } from './live-answers.ts'
import { openMessage } from './messages.ts'
import { startWork } from './start-work.ts'
import type { Usage, WorkStanding, WorkStart } from './work.ts'
import { takeEvent } from './work-events.ts'
import type { WorkFinish, WorkReport } from './work-protocol.ts'
import type { WorksDeps } from './works-deps.ts'

/** What an agent asks and tells of the work in its inbox. */
export interface Works {
  start(agent: string, id: string): Promise<WorkStart>
  events(agent: string, id: string, report: WorkReport): Promise<WorkStanding>
  finish(agent: string, id: string, finish: WorkFinish): Promise<WorkStanding>
  /** Ends the answer to a question; false when it had ended. */
  stop(id: string, by: string): Promise<Utterance | undefined>
}

/** Milliseconds between two prolongations of a lease by reports that tell nothing of weight. */
const prolongEvery = 1_000

export function createWorks(deps: WorksDeps): Works {
  return {
    start: (agent, id) => startWork(deps, agent, id),
    async events(agent, id, report) {
      const live = await find(deps, agent, id, report.attempt)
      if (live === undefined) return another
      const work = live.turn.then(() => takeReport(deps, live, report))
      live.turn = work.catch(() => {})
      return work
    },
    async finish(agent, id, finishing) {
      const live = await find(deps, agent, id, finishing.attempt)
      if (live === undefined) return another
      await live.turn
      return finishWork(deps, live, finishing)
    },
    stop: (id, by) => stopWork(deps, id, by),
  }
}

const find = ({ live, store }: WorksDeps, agent: string, id: string, attempt: number) =>
  live.find(agent, id, attempt, async () => (await openMessage(store, agent, id))?.task)

async function takeReport(deps: WorksDeps, live: LiveAnswer, report: WorkReport): Promise<WorkStanding> {
  if (live.settled !== undefined) return { outcome: 'settled', reason: live.settled }
  live.next ??= report.from
  for (const [index, event] of report.events.entries()) {
    const number = report.from + index
    if (number < live.next) continue
    await takeEvent(deps, live, number, event)
    live.next = number + 1
    deps.emit({
      ...{ type: 'work', agent: live.agent, thread: live.question.thread, work: live.work, task: live.task, event },
    })
  }
  return live.task === undefined ? recorded : prolong(deps, live, live.task, report)
}

const recorded: WorkStanding = { outcome: 'recorded' }

/** The lease of a task lives by its reports, and what they cost is booked. */
async function prolong({ tasks, clock, priceOf }: WorksDeps, live: LiveAnswer, task: string, { events }: WorkReport) {
  const usages = events.flatMap(event => (event.type === 'usage' ? [event.usage] : []))
  const waits = events.findLast(event => event.type === 'waiting')
  const now = clock.now().getTime()
  if (usages.length === 0 && waits === undefined && now - live.prolongedAt < prolongEvery) return recorded
  if (waits !== undefined) await tasks().waits(task, live.attempt, waits.reason)
  if (!(await tasks().progress(task, live.attempt, spentOn(usages, priceOf)))) {
    live.settled = (await tasks().get(task))?.reason || 'the task was cancelled, timed out, or is somebody else’s now'
    return { outcome: 'settled', reason: live.settled } as const
  }
  live.prolongedAt = now
  return recorded
}

const spentOn = (usages: readonly Usage[], priceOf: WorksDeps['priceOf']): Partial<Spent> => ({
  tokens: usages.reduce(
    (sum, usage) => sum + usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens,
    0,
  ),
  microdollars: usages.reduce((sum, usage) => sum + priceOf(usage), 0),
})

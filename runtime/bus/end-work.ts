import type { Utterance } from './agents.ts'
import { clean } from './clean.ts'
import { unansweredOf } from './consultations.ts'
import { finishAnswer, stopQuestion } from './conversations.ts'
import type { LiveAnswer } from './live-answers.ts'
import { settleMessage } from './messages.ts'
import type { WorkStanding } from './work.ts'
import type { WorkFinish } from './work-protocol.ts'
import { endSteps } from './work-steps.ts'
import type { TaskLeases, WorksDeps } from './works-deps.ts'

export const another: WorkStanding = { outcome: 'settled', reason: 'another attempt works on it, or it has ended' }

export async function finishWork(deps: WorksDeps, live: LiveAnswer, { outcome, text: words }: WorkFinish): Promise<WorkStanding> {
  const { store, clock, tasks } = deps
  const { agent, work, attempt, task } = live
  if (live.settled !== undefined && task === undefined) return { outcome: 'settled', reason: live.settled }
  await deps.live.keepAll()
  const result = clean(words)
  const counts = task === undefined || (await endTask(tasks(), task, attempt, outcome, result))
  const changed = await store.begin(async transaction => {
    const at = clock.now()
    const done = await finishAnswer(transaction, agent, work, attempt, { state: outcome, text: wholeText(live, result), at })
    if (done.length > 0) {
      await endSteps(transaction, work)
      await settleMessage(transaction, work, at)
    }
    return done
  })
  deps.live.end(work)
  await forgetQuestions(deps, work, agent)
  for (const utterance of changed) deps.emit({ type: 'utterance', utterance })
  await deps.settled(agent, work)
  if (!counts) return { outcome: 'settled', reason: live.settled ?? 'the task was cancelled, or is somebody else’s now' }
  return changed.length > 0 ? { outcome: 'recorded' } : another
}

const endTask = (tasks: TaskLeases, task: string, attempt: number, outcome: WorkFinish['outcome'], result: string) =>
  outcome === 'done' ? tasks.complete(task, attempt, result) : tasks.fail(task, attempt, result)

/** What was said on the way, and the answer; of a failure what there was of it, and what went wrong. */
function wholeText({ text }: LiveAnswer, words: string): string {
  const said = text.trimEnd()
  if (said === '' || words.startsWith(said)) return words
  return said.endsWith(words.trim()) ? said : `${said}\n\n${words}`
}

/** Ends a question that somebody stopped; gives it, unless it had ended. */
export function stopWork(deps: WorksDeps, id: string, by: string): Promise<Utterance | undefined> {
  const reason = `stopped by ${by}`
  deps.live.settle(id, reason)
  return endQuestion(deps, id, `[${reason}]`)
}

/** What it asked other agents interests nobody any more. */
async function forgetQuestions(deps: WorksDeps, work: string, agent: string): Promise<void> {
  for (const question of await unansweredOf(deps.store, work)) await stopWork(deps, question, `${agent}, who asked`)
}

/** Ends a question that nobody answers any more, with these words; gives it, unless it had ended. */
export async function endQuestion(deps: WorksDeps, id: string, words: string): Promise<Utterance | undefined> {
  await deps.live.keepAll()
  const changed = await deps.store.begin(async transaction => {
    const at = deps.clock.now()
    const stopped = await stopQuestion(transaction, id, words, at)
    if (stopped.length > 0) {
      await endSteps(transaction, id)
      await settleMessage(transaction, id, at)
    }
    return stopped
  })
  for (const utterance of changed) deps.emit({ type: 'utterance', utterance })
  const question = changed.find(utterance => utterance.id === id)
  if (question !== undefined) {
    await deps.settled(question.agent, id)
    await forgetQuestions(deps, id, question.agent)
  }
  return question
}

import type { Clock } from '../os/clock.ts'
import type { Store } from '../store/store.ts'
import type { ClaimResult, Spent, Tasks } from '../tasks/task.ts'
import type { AgentEvent, Utterance } from './agents.ts'
import { clean } from './clean.ts'
import { type Answering, addQuestion, findUtterance, finishAnswer, startAnswer, stopQuestion } from './conversations.ts'
import type { LiveAnswer, LiveAnswers } from './live-answers.ts'
import { openMessage, settleMessage } from './messages.ts'
import type { Threads } from './threads.ts'
import { hasBegun, readTranscript } from './transcripts.ts'
import type { TaskBrief, Usage, Work, WorkStanding, WorkStart } from './work.ts'
import { takeEvent } from './work-events.ts'
import type { WorkFinish, WorkReport } from './work-protocol.ts'
import { endSteps } from './work-steps.ts'

/** The part of {@link Tasks} that an agent's work goes through. */
export type TaskLeases = Pick<Tasks, 'get' | 'claim' | 'progress' | 'waits' | 'complete' | 'fail'>

export interface WorksDeps {
  readonly store: Store
  readonly clock: Clock
  readonly threads: Threads
  readonly live: LiveAnswers
  readonly tasks: () => TaskLeases
  /** What a call of the model costs, in millionths of a US dollar. */
  readonly priceOf: (usage: Usage) => number
  readonly emit: (event: AgentEvent) => void
  /** Why an agent may spend nothing more today; empty when it may. */
  readonly spentBudget?: (agent: string) => Promise<string>
  /** The message is dealt with: it leaves the inbox. */
  readonly settled: (agent: string, message: string) => Promise<void>
}

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
    start: (agent, id) => start(deps, agent, id),
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
      return finish(deps, live, finishing)
    },
    stop: (id, by) => stop(deps, id, by),
  }
}

const another: WorkStanding = { outcome: 'settled', reason: 'another attempt works on it, or it has ended' }

const find = ({ live, store }: WorksDeps, agent: string, id: string, attempt: number) =>
  live.find(agent, id, attempt, async () => (await openMessage(store, agent, id))?.task)

async function start(deps: WorksDeps, agent: string, id: string): Promise<WorkStart> {
  const message = await openMessage(deps.store, agent, id)
  if (message === undefined) return { outcome: 'settled' }
  return message.task === undefined ? startQuestion(deps, agent, id) : startTask(deps, agent, id, message.task)
}

async function startQuestion(deps: WorksDeps, agent: string, id: string): Promise<WorkStart> {
  const answering = await deps.store.begin(transaction => startAnswer(transaction, agent, id, deps.clock.now()))
  if (answering === undefined) return settledStart(deps, agent, id)
  const reason = (await deps.spentBudget?.(agent)) ?? ''
  if (reason !== '') return refuseQuestion(deps, answering, reason)
  return { outcome: 'go', work: await begin(deps, answering, undefined) }
}

/** Answers with the reason in the agent's place; whoever asked can ask again. */
async function refuseQuestion({ store, clock, emit, settled }: WorksDeps, { question, attempt }: Answering, reason: string) {
  const { agent, id } = question
  const changed = await store.begin(async transaction => {
    const at = clock.now()
    await settleMessage(transaction, id, at)
    return finishAnswer(transaction, agent, id, attempt, { state: 'failed', text: reason, at })
  })
  for (const utterance of changed) emit({ type: 'utterance', utterance })
  await settled(agent, id)
  return { outcome: 'settled' } as const
}

async function startTask(deps: WorksDeps, agent: string, id: string, taskId: string): Promise<WorkStart> {
  const claimed = await deps.tasks().claim(taskId, agent)
  if (claimed.outcome === 'settled') return settledStart(deps, agent, id)
  if (claimed.outcome === 'later') {
    // The task's own room sends it anew once it is ready again.
    await settledStart(deps, agent, id)
    return claimed
  }
  const { claim } = claimed
  const brief = briefOf(claim)
  const thread = await deps.threads.ofTask(brief, agent, deps.clock.now())
  const answering = await deps.store.begin(async transaction => {
    const at = deps.clock.now()
    if ((await findUtterance(transaction, id)) === undefined) {
      const text = clean(brief.description)
      await addQuestion(transaction, { id, agent, thread: thread.id, role: 'event', by: brief.by, text, attachments: [] }, at)
    }
    return startAnswer(transaction, agent, id, at, claim.token)
  })
  if (answering === undefined) return settledStart(deps, agent, id)
  return { outcome: 'go', work: await begin(deps, answering, brief) }
}

type Claimed = Extract<ClaimResult, { outcome: 'claimed' }>['claim']

const briefOf = ({ task, inputs }: Claimed): TaskBrief => ({
  id: task.id,
  name: task.name,
  description: task.description,
  by: task.by,
  criteria: task.criteria,
  inputs,
  timeout: task.timeoutSeconds * 1_000,
})

async function settledStart(deps: WorksDeps, agent: string, id: string): Promise<WorkStart> {
  await settleMessage(deps.store, id, deps.clock.now())
  await deps.settled(agent, id)
  return { outcome: 'settled' }
}

async function begin(deps: WorksDeps, answering: Answering, task: TaskBrief | undefined): Promise<Work> {
  const { question, answer, attempt } = answering
  deps.live.begin(answering, task?.id)
  const thread = await deps.threads.get(question.thread)
  const [transcript, begun] = await Promise.all([
    readTranscript(deps.store, question.thread),
    hasBegun(deps.store, question.thread, question.id),
  ])
  for (const utterance of [question, answer]) deps.emit({ type: 'utterance', utterance })
  return {
    ...{ id: question.id, kind: task === undefined ? 'question' : 'task', attempt, thread: question.thread },
    ...{ by: question.by, text: question.text, attachments: question.attachments ?? [], task, transcript, begun },
    tainted: thread?.tainted ?? false,
  }
}

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

async function finish(deps: WorksDeps, live: LiveAnswer, { outcome, text: words }: WorkFinish): Promise<WorkStanding> {
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
  for (const utterance of changed) deps.emit({ type: 'utterance', utterance })
  await deps.settled(agent, work)
  if (!counts) return { outcome: 'settled', reason: live.settled ?? 'the task was cancelled, or is somebody else’s now' }
  return changed.length > 0 ? recorded : another
}

const endTask = (tasks: TaskLeases, task: string, attempt: number, outcome: WorkFinish['outcome'], result: string) =>
  outcome === 'done' ? tasks.complete(task, attempt, result) : tasks.fail(task, attempt, result)

/** What was said on the way, and the answer; of a failure what there was of it, and what went wrong. */
function wholeText({ text }: LiveAnswer, words: string): string {
  const said = text.trimEnd()
  if (said === '' || words.startsWith(said)) return words
  return said.endsWith(words.trim()) ? said : `${said}\n\n${words}`
}

async function stop(deps: WorksDeps, id: string, by: string): Promise<Utterance | undefined> {
  const reason = `stopped by ${by}`
  deps.live.settle(id, reason)
  await deps.live.keepAll()
  const changed = await deps.store.begin(async transaction => {
    const at = deps.clock.now()
    const stopped = await stopQuestion(transaction, id, `[${reason}]`, at)
    if (stopped.length > 0) {
      await endSteps(transaction, id)
      await settleMessage(transaction, id, at)
    }
    return stopped
  })
  for (const utterance of changed) deps.emit({ type: 'utterance', utterance })
  const question = changed.find(utterance => utterance.id === id)
  if (question !== undefined) await deps.settled(question.agent, id)
  return question
}

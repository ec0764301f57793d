import type { ClaimResult } from '../tasks/task.ts'
import { clean } from './clean.ts'
import { type Answering, addQuestion, findUtterance, finishAnswer, startAnswer } from './conversations.ts'
import { endQuestion } from './end-work.ts'
import type { Message } from './envelope.ts'
import { countDelivery, openMessage, settleMessage } from './messages.ts'
import { takeNotes, withNotes } from './notes.ts'
import { inheritTaint, taint } from './threads.ts'
import { hasBegun, readTranscript } from './transcripts.ts'
import type { TaskBrief, Work, WorkStart } from './work.ts'
import type { WorksDeps } from './works-deps.ts'

export async function startWork(deps: WorksDeps, agent: string, id: string): Promise<WorkStart> {
  const message = await openMessage(deps.store, agent, id)
  if (message === undefined) return { outcome: 'settled' }
  // It is told with the next work; an idle agent asks the model for nothing.
  if (message.type === 'learn') return settledStart(deps, agent, id)
  return message.task === undefined ? startQuestion(deps, agent, message) : startTask(deps, agent, id, message.task)
}

/** Times that an agent may begin with a question, and end before it has answered. */
const mostDeliveries = 5

async function startQuestion(deps: WorksDeps, agent: string, message: Message): Promise<WorkStart> {
  const { id } = message
  const reason = await deps.obstacle(agent)
  if (reason !== undefined) {
    if (message.source.startsWith('person:')) return refuseQuestion(deps, agent, id, reason)
    await deps.postponed(agent, id)
    return { outcome: 'later', reason }
  }
  if ((await countDelivery(deps.store, id)) > mostDeliveries) {
    const why = `its agent began with it ${mostDeliveries} times and never came to an end`
    await deps.deadLetters.bury(agent, [message], why)
    await endQuestion(deps, id, `[not answered: ${why}]`)
    return { outcome: 'settled' }
  }
  const answering = await deps.store.begin(transaction => startAnswer(transaction, agent, id, deps.clock.now()))
  if (answering === undefined) return settledStart(deps, agent, id)
  return { outcome: 'go', work: await begin(deps, answering, undefined) }
}

/** Answers a person with the reason, in the agent's place and without its model; whoever asked can ask again. */
async function refuseQuestion({ store, clock, emit, settled }: WorksDeps, agent: string, id: string, reason: string) {
  const changed = await store.begin(async transaction => {
    const at = clock.now()
    const answering = await startAnswer(transaction, agent, id, at)
    await settleMessage(transaction, id, at)
    return answering && finishAnswer(transaction, agent, id, answering.attempt, { state: 'failed', text: reason, at })
  })
  for (const utterance of changed ?? []) emit({ type: 'utterance', utterance })
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
  await inheritTaint(deps.store, thread.id, claim.task)
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
  const [transcript, begun] = await Promise.all([
    readTranscript(deps.store, question.thread),
    hasBegun(deps.store, question.thread, question.id),
  ])
  const notes = begun ? [] : await takeNotes(deps.store, question.agent, question.id, deps.clock.now())
  for (const note of notes) if (note.tainted) await taint(deps.store, question.thread, `a note of ${note.by}`)
  if ((question.attachments ?? []).length > 0) await taint(deps.store, question.thread, 'a file that came with a message')
  const thread = await deps.threads.get(question.thread)
  for (const utterance of [question, answer]) deps.emit({ type: 'utterance', utterance })
  return {
    ...{ id: question.id, kind: task === undefined ? 'question' : 'task', attempt, thread: question.thread },
    ...{
      by: question.by,
      text: withNotes(question.text, notes),
      attachments: question.attachments ?? [],
      task,
      transcript,
      begun,
    },
    tainted: thread?.tainted ?? false,
  }
}

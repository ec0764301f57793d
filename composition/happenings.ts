import type { CommitSummary, Repository } from '../desired-state/repository.ts'
import type { Audit } from '../runtime/audit/audit.ts'
import type { AuditEvent, AuditType } from '../runtime/audit/event.ts'
import type { AgentPresence } from '../runtime/bus/agents.ts'
import type { AgentsRoom } from '../runtime/bus/create-agents.ts'
import { explain } from '../runtime/os/errors.ts'
import type { Log } from '../runtime/os/log.ts'
import { oneAtATime } from '../runtime/os/one-at-a-time.ts'
import type { ApprovalBook } from '../runtime/policy/approvals/approvals.ts'
import type { Task, Tasks } from '../runtime/tasks/task.ts'

export interface HappeningsDeps {
  readonly agents: Pick<AgentsRoom, 'subscribe'>
  readonly tasks: Pick<Tasks, 'subscribe'>
  readonly approvals: Pick<ApprovalBook, 'withdraw'>
  readonly audit: Pick<Audit, 'record'>
  readonly log: Log
}

/** Writes down what nobody asked for through the door: agents that come and go, tasks that begin and end. */
export function followHappenings({ agents, tasks, approvals, audit, log }: HappeningsDeps): () => void {
  const failed = (error: unknown) => log.error('audit not written', { component: 'audit', error: explain(error) })
  const record = (event: AuditEvent | undefined) => void (event && audit.record(event).catch(failed))
  const pids = new Map<string, number>()
  const stages = new Map<string, string>()
  const stopAgents = agents.subscribe(event => {
    if (event.type === 'presence') record(presenceEvent(pids, event.presence))
    if (event.type !== 'utterance' || event.utterance.role !== 'agent' || event.utterance.answers === undefined) return
    const { state, answers } = event.utterance
    // Whoever asked is gone: nobody has to decide any more.
    if (state === 'done' || state === 'failed') approvals.withdraw({ work: answers }).catch(failed)
  })
  const stopTasks = tasks.subscribe(({ task }) => {
    record(taskEvent(stages, task))
    if (['completed', 'failed', 'cancelled'].includes(task.state)) approvals.withdraw({ task: task.id }).catch(failed)
  })
  return () => {
    stopAgents()
    stopTasks()
  }
}

/** A process that came, went, or took the place of another. */
function presenceEvent(pids: Map<string, number>, { name, activity, pid, startedAt }: AgentPresence): AuditEvent | undefined {
  const before = pids.get(name)
  const now = activity === 'offline' ? undefined : pid
  if (before === now) return undefined
  if (now === undefined) pids.delete(name)
  else pids.set(name, now)
  const of = { agent: name, user: '', action: 'agent', target: `agent/${name}`, outcome: 'success' } as const
  return now === undefined
    ? { ...of, type: 'agent_stopped', details: { pid: before } }
    : { ...of, type: 'agent_started', details: { pid: now, startedAt, ...(before !== undefined && { before }) } }
}

const stageTypes: Partial<Record<Task['state'], AuditType>> = {
  assigned: 'task_started',
  in_progress: 'task_started',
  completed: 'task_completed',
  failed: 'task_failed',
  cancelled: 'task_failed',
}

/** One event for each stage of a try, however often it is told. */
function taskEvent(stages: Map<string, string>, task: Task): AuditEvent | undefined {
  const type = stageTypes[task.state]
  if (type === undefined) return undefined
  const stage = `${type} ${task.tries}`
  if (stages.get(task.id) === stage) return undefined
  const ended = type !== 'task_started'
  // Of what has ended only the end could be told again.
  if (stages.size > mostStages) stages.clear()
  stages.set(task.id, stage)
  return {
    ...{ type, agent: task.agent, user: task.by.startsWith('person:') ? task.by.replace(':', ' ') : '' },
    ...{ action: 'task', target: task.name, session: task.id, outcome: type === 'task_failed' ? 'failure' : 'success' },
    details: { graph: task.graph, tries: task.tries, ...(ended && { state: task.state, error: task.error }) },
  }
}

const mostStages = 10_000

/** Writes down each commit by which main moved, whoever moved it; call what it gives when main may have moved. */
export async function followCommits(
  repository: Pick<Repository, 'head' | 'history'>,
  agents: Pick<AgentsRoom, 'names'>,
  audit: Pick<Audit, 'record'>,
  log: Log,
): Promise<() => void> {
  const next = oneAtATime()
  let seen = await repository.head()
  const look = async () => {
    const head = await repository.head()
    if (head === undefined || head === seen) return
    const commits = await repository.history(mostCommits)
    const end = commits.findIndex(({ revision }) => revision === seen)
    for (const commit of commits.slice(0, end === -1 ? mostCommits : end).toReversed()) {
      await audit.record(commitEvent(commit, agents.names()))
    }
    seen = head
  }
  return () => void next(look).catch(error => log.error('commit not audited', { component: 'audit', error: explain(error) }))
}

const mostCommits = 200

function commitEvent({ revision, author, subject }: CommitSummary, agents: readonly string[]): AuditEvent {
  const agent = author.email.endsWith('@ai-infrastructure.invalid') && agents.includes(author.name) ? author.name : ''
  return {
    ...{ type: 'config_changed', agent, user: agent === '' ? `author ${author.name} <${author.email}>` : '' },
    ...{ action: 'desired-state.commit', target: subject, outcome: 'success', details: { revision } },
  }
}

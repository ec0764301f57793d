import type { AgentEvent, Utterance } from '../../bus/agents.ts'
import type { Report } from '../../bus/presences.ts'
import type { WorkEvent } from '../../bus/work.ts'
import type { Clock } from '../../os/clock.ts'
import { silentLog } from '../../os/log.ts'
import type { Task, TaskEvent } from '../../tasks/task.ts'
import { createHealth } from '../create-health.ts'
import type { RecoveryRecord } from '../recovery-records.ts'
import type { Sample } from '../window.ts'

export function handHeldClock(start = Date.parse('2026-01-02T12:00:00Z')) {
  let milliseconds = start
  const clock: Clock = { now: () => new Date(milliseconds), sleep: async () => {} }
  return {
    ...clock,
    pass(more: number) {
      milliseconds += more
    },
  }
}

export const taskOf = (change: Partial<Task> & Pick<Task, 'id' | 'agent' | 'state'>): Task => ({
  graph: 'g',
  name: change.id,
  description: '',
  by: 'supervisor',
  thread: undefined,
  priority: 5,
  reason: '',
  dependsOn: [],
  criteria: [],
  result: undefined,
  error: undefined,
  tries: 1,
  maxRetries: 3,
  timeoutSeconds: 300,
  createdAt: '',
  startedAt: undefined,
  endedAt: undefined,
  spent: { tokens: 0, microdollars: 0, milliseconds: 0 },
  ...change,
})

/** Health on agents, tasks and records that a test holds in its hands. */
export function healthRig(names: readonly string[] = ['code'], before: readonly Task[] = []) {
  const clock = handHeldClock()
  const reports = new Map<string, Report>()
  const listening = new Set<(name: string) => void>()
  const talking = new Set<(event: AgentEvent) => void>()
  const tell = (event: AgentEvent) => {
    for (const listener of talking) listener(event)
  }
  const following = new Set<(event: TaskEvent) => void>()
  const records = new Map<string, RecoveryRecord>()
  const kept: { agent: string; sample: Sample }[] = []
  const startedAt = clock.now().toISOString()
  const health = createHealth({
    agents: {
      names: () => names,
      report: name => reports.get(name),
      onReport(listener) {
        listening.add(listener)
        return () => listening.delete(listener)
      },
      subscribe(listener) {
        talking.add(listener)
        return () => talking.delete(listener)
      },
    },
    tasks: {
      list: async () => before,
      subscribe(listener) {
        following.add(listener)
        return () => following.delete(listener)
      },
    },
    samples: { all: async () => new Map(), add: async (agent, sample) => void kept.push({ agent, sample }) },
    records: { load: async () => {}, get: name => records.get(name) },
    clock,
    log: silentLog,
  })
  return {
    clock,
    health,
    records,
    kept,
    beat(name: string, change: Partial<Report> = {}) {
      const said = { pid: 100, startedAt, activity: 'idle' as const, doing: '', drained: false }
      const rest = { promptHash: '', configuration: '', memoryMb: 40, cpuPercent: 2, at: clock.now().getTime() }
      reports.set(name, { ...said, ...rest, ...change })
      for (const listener of listening) listener(name)
    },
    silence(name: string) {
      reports.delete(name)
      for (const listener of listening) listener(name)
    },
    /** An agent takes something up. */
    begins: (work: string, agent = 'code') => tell({ type: 'utterance', utterance: { ...said(agent), id: work } }),
    tells(work: string, event: WorkEvent, task?: string, agent = 'code') {
      tell({ type: 'work', agent, thread: 't', work, task, event })
    },
    ends(work: string, state: 'done' | 'failed', text = 'an answer', agent = 'code') {
      tell({ type: 'utterance', utterance: { ...said(agent), id: `${work}-answer`, role: 'agent', answers: work, state, text } })
    },
    task(change: Parameters<typeof taskOf>[0]) {
      for (const listener of following) listener({ type: 'changed', task: taskOf(change) })
    },
  }
}

const said = (agent: string): Utterance => ({
  id: '',
  agent,
  thread: 't',
  role: 'person',
  by: 'ada',
  text: '',
  state: 'answering',
  at: '',
})

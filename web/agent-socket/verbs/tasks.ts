import { z } from 'zod'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Task, Tasks } from '../../../runtime/tasks/task.ts'
import { type Verb, verb } from './verb.ts'

export interface TaskVerbDeps {
  readonly tasks: Tasks
  /** Text of strangers that stood in the threads of tasks comes into that of the work which reads their results. */
  readonly inherit: (work: string, tasks: readonly string[]) => Promise<void>
}

export const newTask = z.strictObject({
  name: z.string().min(1).max(80),
  description: z.string().min(1).max(20_000),
  agent: z.string().min(1).max(60),
  priority: z.int().min(1).max(10).optional(),
  dependsOn: z.array(z.string().min(1).max(100)).max(50).optional(),
  criteria: z.array(z.string().min(1).max(1_000)).max(20).optional(),
  timeoutSeconds: z.int().min(10).max(7_200).optional(),
})

const submission = z.strictObject({ tasks: z.array(newTask).min(1).max(50), thread: z.string().max(100).optional() })
const taskId = z.string().min(1).max(100)

/** The task graph as agents reach it: they add to it, look at it, give work on, send it back; nobody ends another's result. */
export const taskVerbs = ({ tasks, inherit }: TaskVerbDeps): readonly Verb[] => [
  verb('task.submit', {
    input: submission,
    title: input => `hand out ${input.tasks.map(task => `${task.name} to ${task.agent}`).join(', ')}`,
    async run(input, { agent, work, call }) {
      const made = await tasks.submit({
        // The same call after a kill gives the same tasks again.
        tasks: input.tasks.map(task => ({ ...withoutHoles(task), idempotencyKey: `${work}:${call}:${task.name}` })),
        by: agent,
        origin: work,
        ...(input.thread === undefined ? {} : { thread: input.thread }),
      })
      return { graph: made[0]?.graph, tasks: made.map(shownTask) }
    },
  }),

  verb('task.status', {
    input: z.strictObject({ graph: taskId.optional(), task: taskId.optional(), thread: z.string().max(100).optional() }),
    title: () => 'look how the tasks stand',
    async run({ graph, task, thread }, { work }) {
      const found = await wanted(tasks, { graph, task, thread })
      await inherit(
        work,
        found.map(({ id }) => id),
      )
      return { tasks: found.map(shownTask) }
    },
  }),

  verb('task.cancel', {
    input: z.strictObject({ task: taskId }),
    title: ({ task }) => `cancel task ${task}`,
    async run({ task }, { agent }) {
      const found = await existing(tasks, task)
      const cancelled = await tasks.cancel(found.id, agent)
      return { task: found.name, cancelled, ...(cancelled ? {} : { reason: `it had ended before: ${found.state}` }) }
    },
  }),

  verb('task.handoff', {
    input: z.strictObject({ task: taskId, agent: z.string().min(1).max(60), reason: z.string().min(1).max(4_000) }),
    title: ({ agent }) => `hand this task on to ${agent}`,
    async run({ task, agent, reason }, caller) {
      if (agent === caller.agent) throw new ApplianceError('invalid', 'the task is yours already: do it, or say why you cannot')
      const found = await own(tasks, task, caller.agent)
      const handed = await tasks.handOff(found.id, caller.attempt, agent, reason)
      if (handed.outcome === 'settled') throw new ApplianceError('invalid', 'the task is no longer yours to hand on')
      if (handed.outcome === 'refused') throw new ApplianceError('invalid', handed.reason)
      if (handed.outcome === 'ended') return { task: found.name, ended: handed.reason }
      return { task: found.name, agent }
    },
  }),

  verb('task.rework', {
    input: z.strictObject({ task: taskId, upstream: z.string().min(1).max(100), finding: z.string().min(1).max(8_000) }),
    title: ({ upstream }) => `send ${upstream} back with a finding`,
    async run({ task, upstream, finding }, caller) {
      const found = await own(tasks, task, caller.agent)
      const sent = await tasks.rework(found.id, caller.attempt, await upstreamOf(tasks, found, upstream), finding)
      if (sent.outcome === 'settled') throw new ApplianceError('invalid', 'the task is no longer yours to send work back for')
      if (sent.outcome === 'refused') throw new ApplianceError('invalid', sent.reason)
      if (sent.outcome === 'ended') return { ended: sent.reason }
      return { reopened: upstream, round: sent.round }
    },
  }),
]

async function wanted(
  tasks: Tasks,
  { graph, task, thread }: { graph?: string | undefined; task?: string | undefined; thread?: string | undefined },
): Promise<readonly Task[]> {
  if (task !== undefined) return [await existing(tasks, task)]
  if (graph !== undefined) return tasks.graph(graph)
  return tasks.list(thread === undefined ? { limit: 30 } : { thread, limit: 30 })
}

async function existing(tasks: Tasks, id: string): Promise<Task> {
  const found = await tasks.get(id)
  if (found === undefined) throw new ApplianceError('invalid', `there is no task ${id}`, { hint: 'task_status lists them' })
  return found
}

async function own(tasks: Tasks, id: string, agent: string): Promise<Task> {
  const found = await existing(tasks, id)
  if (found.agent !== agent) throw new ApplianceError('invalid', `task ${found.name} belongs to ${found.agent}`)
  return found
}

/** A task that this one waited for, by name or id. */
async function upstreamOf(tasks: Tasks, task: Task, wanted: string): Promise<string> {
  const siblings = await tasks.graph(task.graph)
  const found = siblings.find(other => (other.id === wanted || other.name === wanted) && task.dependsOn.includes(other.id))
  if (found !== undefined) return found.id
  const names = siblings.filter(other => task.dependsOn.includes(other.id)).map(other => other.name)
  throw new ApplianceError('invalid', `${task.name} did not wait for ${JSON.stringify(wanted)}`, {
    hint: names.length === 0 ? 'it waited for nothing' : `it waited for ${names.join(', ')}`,
  })
}

const shownTask = ({ id, graph, name, agent, state, reason, dependsOn, result, error, tries }: Task) => ({
  ...{ id, graph, name, agent, state, dependsOn, tries },
  ...(reason === '' ? {} : { reason }),
  ...(result === undefined ? {} : { result: result.slice(0, 4_000) }),
  ...(error === undefined ? {} : { error: error.slice(0, 2_000) }),
})

/** Optional fields are left out rather than undefined. */
function withoutHoles({ priority, dependsOn, criteria, timeoutSeconds, ...task }: z.output<typeof newTask>) {
  return {
    ...task,
    ...(priority === undefined ? {} : { priority }),
    ...(dependsOn === undefined ? {} : { dependsOn }),
    ...(criteria === undefined ? {} : { criteria }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  }
}

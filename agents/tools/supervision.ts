import { z } from 'zod'
import { failed, short, shown, tool } from './define.ts'
import type { Tool } from './tool.ts'

const agent = z.string().min(1).max(60)

const task = z.strictObject({
  name: z.string().min(1).max(80).describe('Short and unique in this call: build, check, publish.'),
  agent: agent.describe('Who does it.'),
  description: z
    .string()
    .min(1)
    .max(20_000)
    .describe(
      'Goal, what is known, limits, names of projects and domains: all that its agent needs, which sees nothing of this conversation.',
    ),
  depends_on: z
    .array(z.string().min(1).max(100))
    .max(50)
    .optional()
    .describe('Names of tasks of this call, or ids of others, whose results it needs.'),
  criteria: z.array(z.string().min(1).max(1_000)).max(20).optional().describe('How one will know that it is done.'),
  priority: z.int().min(1).max(10).optional().describe('1 to 10, default 5.'),
  timeout_seconds: z.int().min(10).max(7_200).optional().describe('For one try; default 300.'),
})

const submit = tool({
  name: 'task_submit',
  description:
    'Hands out work as a graph of tasks. Tasks that do not depend on each other run side by side; one that depends on others begins when they are done and reads their results. Returns at once with the ids; what came of it reaches you by itself as an event in this conversation. Do not wait and do not ask again: tell the person what is under way, and end your answer.',
  input: z.strictObject({ tasks: z.array(task).min(1).max(50) }),
  title: ({ tasks }) => `hand out ${short(tasks.map(one => `${one.name} (${one.agent})`).join(', '))}`,
  async execute({ tasks }, context) {
    const made = await context.verb('task.submit', {
      thread: context.thread,
      tasks: tasks.map(({ depends_on: dependsOn, timeout_seconds: timeoutSeconds, ...one }) => ({
        ...one,
        ...(dependsOn === undefined ? {} : { dependsOn }),
        ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      })),
    })
    return { content: shown(made), summary: `${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'} handed out` }
  },
})

const status = tool({
  name: 'task_status',
  description:
    'Shows how tasks stand, with results and why one waits: those of a graph, one task, or the latest of this conversation.',
  input: z.strictObject({ graph: z.string().max(100).optional(), task: z.string().max(100).optional() }),
  title: () => 'look how the tasks stand',
  async execute({ graph, task }, context) {
    const input = graph !== undefined ? { graph } : task !== undefined ? { task } : { thread: context.thread }
    return { content: shown(await context.verb('task.status', input)) }
  },
})

const cancel = tool({
  name: 'task_cancel',
  description: 'Cancels a task and everything that depends on it. What it has done already stays done.',
  input: z.strictObject({ task: z.string().min(1).max(100).describe('Its id.') }),
  title: ({ task }) => `cancel task ${task}`,
  execute: async (input, context) => ({ content: shown(await context.verb('task.cancel', input)) }),
})

const broadcast = tool({
  name: 'broadcast',
  description:
    'Tells all other agents something that they have to know before their next work; nobody answers. For facts, not for work.',
  input: z.strictObject({ text: z.string().min(1).max(4_000) }),
  title: ({ text }) => `tell everybody: ${short(text, 50)}`,
  execute: async ({ text }, context) => ({
    content: shown(await context.verb('message.broadcast', { text, thread: context.thread })),
  }),
})

export const consult = tool({
  name: 'consult',
  description:
    'Asks another agent a question and waits for its answer. For what its craft knows better, not for handing over your work. It sees only what you write.',
  input: z.strictObject({ agent, question: z.string().min(1).max(20_000) }),
  title: ({ agent, question }) => `ask ${agent}: ${short(question, 50)}`,
  execute: async (input, context) => ({ content: shown(await context.verb('message.consult', input)) }),
})

export const handoff = tool({
  name: 'handoff',
  description:
    'Gives your present task to another agent, with the reason and what you found. Afterwards it is no longer yours: end your answer.',
  input: z.strictObject({ agent, reason: z.string().min(1).max(4_000) }),
  title: ({ agent }) => `hand this task on to ${agent}`,
  async execute({ agent, reason }, context) {
    if (context.task === undefined)
      return failed('this is a conversation and no task: use task_submit or consult, or say who should be asked')
    return { content: shown(await context.verb('task.handoff', { task: context.task, agent, reason })) }
  },
})

export const rework = tool({
  name: 'task_rework',
  description:
    'Sends a task that yours depends on back to its agent with your finding; your own task begins again when it is done. At most three rounds. Afterwards end your answer: nothing else counts in this try. For a finding that has to be mended before your task can pass.',
  input: z.strictObject({
    task: z.string().min(1).max(100).describe('Name or id of the task that goes back.'),
    finding: z.string().min(1).max(8_000).describe('Where, what happens, what should happen, how to see it.'),
  }),
  title: ({ task }) => `send ${short(task, 40)} back`,
  async execute({ task, finding }, context) {
    if (context.task === undefined) return failed('this is a conversation and no task: say in your answer what you found')
    return { content: shown(await context.verb('task.rework', { task: context.task, upstream: task, finding })) }
  },
})

export const supervisorTools: readonly Tool[] = [submit, status, cancel, broadcast]

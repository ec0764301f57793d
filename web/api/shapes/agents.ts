import { z } from 'zod'
import { list } from './engine.ts'

/** What agents do, say and are given to do, on the wire. */

const time = z.string().describe('ISO 8601')

export const health = z
  .object({
    agent: z.string(),
    status: z.enum(['healthy', 'degraded', 'unhealthy', 'offline']),
    reason: z.string().describe('Why it is not healthy; empty when it is'),
    lastHeartbeat: time.optional(),
    lastTaskCompleted: time.optional(),
    tasksCompletedLastHour: z.number().int(),
    tasksFailedLastHour: z.number().int().describe('Tries that failed, also when the task succeeded later'),
    avgResponseTimeMs: z.number().describe('To the first sign of a work, over the last 100; waits do not count'),
    errorRatePercent: z.number().describe('Of the last 100 works'),
    samples: z.number().int().describe('Works that the two figures stand on; fewer than 5 are not judged'),
    memoryUsageMb: z.number(),
    cpuPercent: z.number().describe('Of one processor'),
    currentTask: z.string().optional(),
    doing: z.string(),
    waitingFor: z.string().describe('An approval, Claude; empty when nothing is in its way'),
    queueDepth: z.number().int().describe('Tasks that it could begin'),
    uptimeSeconds: z.number().int(),
    stalledSince: time.optional(),
    recoveryAttempts: z.number().int(),
    pausedUntil: time.optional(),
  })
  .meta({ id: 'AgentHealth' })

export const taskState = z.enum(['pending', 'ready', 'assigned', 'in_progress', 'blocked', 'completed', 'failed', 'cancelled'])

export const task = z
  .object({
    id: z.string(),
    graph: z.string().describe('All tasks of one submission share it'),
    name: z.string(),
    description: z.string(),
    agent: z.string(),
    by: z.string(),
    thread: z.string().optional(),
    priority: z.number().int(),
    state: taskState,
    reason: z.string().describe('Why it is not running; empty when nothing is in its way'),
    dependsOn: list(z.string()),
    criteria: list(z.string()),
    result: z.string().optional(),
    error: z.string().optional(),
    tries: z.number().int(),
    maxRetries: z.number().int(),
    timeoutSeconds: z.number(),
    createdAt: time,
    startedAt: time.optional(),
    endedAt: time.optional(),
    spent: z.object({
      tokens: z.number(),
      microdollars: z.number().describe('Millionths of a US dollar'),
      milliseconds: z.number(),
    }),
  })
  .meta({ id: 'Task' })

const name = z.string().min(1).max(200)

/** Lengths are bounded by the size of a request; the tasks themselves bound the rest. */
export const submission = z
  .strictObject({
    tasks: list(
      z.strictObject({
        name: name.describe('Unique within the submission'),
        description: z.string().min(1),
        agent: name,
        priority: z.number().int().min(1).max(10).exactOptional(),
        dependsOn: list(name).describe('Names of siblings, or ids of tasks that exist').exactOptional(),
        criteria: list(z.string()).exactOptional(),
        maxRetries: z.number().int().min(0).max(20).exactOptional(),
        timeoutSeconds: z.number().int().min(1).max(86_400).exactOptional(),
        idempotencyKey: name.describe('The same key gives the same task again').exactOptional(),
      }),
    ),
    thread: name.describe('Conversation that hears of the results; default: none').exactOptional(),
  })
  .meta({ id: 'Submission' })

const block = z.looseObject({ type: z.string() }).describe('A block of the Messages API')

export const utterance = z
  .object({
    id: z.string(),
    agent: z.string(),
    thread: z.string(),
    role: z.enum(['person', 'agent', 'event']),
    by: z.string(),
    text: z.string().describe('Markdown; of an answer under way, what there is of it'),
    attachments: list(block).optional(),
    state: z.enum(['queued', 'answering', 'done', 'failed']),
    at: time,
    answers: z.string().describe('Of an answer: id of its question').optional(),
  })
  .meta({ id: 'Utterance' })

export const thread = z
  .object({
    id: z.string(),
    agent: z.string(),
    kind: z.enum(['chat', 'task']),
    title: z.string(),
    task: z.string().optional(),
    createdBy: z.string(),
    tainted: z.boolean().describe('Text of strangers is in it'),
    sources: list(z.string()),
    createdAt: time,
    saidAt: time,
    archived: z.boolean(),
  })
  .meta({ id: 'Thread' })

export const step = z
  .object({
    work: z.string(),
    call: z.string(),
    tool: z.string(),
    title: z.string(),
    state: z.enum(['running', 'done', 'failed', 'denied']),
    summary: z.string(),
    output: z.string(),
    afterText: z.number().int(),
    startedAt: time,
    milliseconds: z.number().optional(),
  })
  .meta({ id: 'Step' })

export const alert = z
  .object({
    id: z.string(),
    at: time,
    severity: z.enum(['warning', 'critical']),
    kind: z.string(),
    subject: z.string(),
    message: z.string(),
    seenBy: z.string().optional(),
    seenAt: time.optional(),
    resolvedAt: time.optional(),
  })
  .meta({ id: 'Alert' })

import { z } from 'zod'
import { alert, health, task, utterance } from '../shapes/agents.ts'
import { approval } from '../shapes/approvals.ts'
import { hold, list, resource, status } from '../shapes/engine.ts'

/** What is said over `/api/ws`: text messages, each one JSON object. */

export const topics = ['resources', 'agents', 'chat', 'work', 'tasks', 'approvals', 'alerts', 'audit'] as const
export type Topic = (typeof topics)[number]

const time = z.string().describe('ISO 8601')
const named = list(z.enum(topics))

export const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    topics: named,
    thread: z.string().min(1).describe('Only of this conversation: chat, work, tasks').optional(),
  }),
  z.strictObject({ type: z.literal('unsubscribe'), topics: named }),
])

export const serverMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('subscribed'), topics: named, thread: z.string().optional() }),
  z.object({ type: z.literal('event'), topic: z.enum(topics), at: time, event: z.unknown() }),
  z.object({ type: z.literal('beat'), at: time }),
  z.object({ type: z.literal('error'), message: z.string() }),
])

export type ServerMessage = z.infer<typeof serverMessage>

/** What an event of each topic holds. */
export const eventShapes = {
  resources: z.union([
    z.object({ type: z.literal('status'), resource }),
    z.object({ type: z.literal('removed'), kind: z.string(), key: z.string() }),
    z.object({ type: z.literal('held'), hold }),
    z.object({ type: z.literal('settled'), revision: z.string(), status }),
  ]),
  agents: health,
  chat: z.union([
    z.object({ type: z.literal('utterance'), utterance }),
    z.object({
      type: z.enum(['delta', 'retracted']).describe('A piece of an answer; or: the pieces since the last utterance are void'),
      agent: z.string(),
      thread: z.string(),
      work: z.string().describe('Id of the question; the answer names it in `answers`'),
      text: z.string(),
    }),
  ]),
  work: z.object({
    agent: z.string(),
    thread: z.string(),
    work: z.string(),
    task: z.string().optional(),
    event: z.looseObject({ type: z.string() }),
  }),
  tasks: task,
  approvals: approval,
  alerts: alert,
  audit: z.looseObject({ id: z.string(), type: z.string() }),
} as const satisfies Record<Topic, z.ZodType>

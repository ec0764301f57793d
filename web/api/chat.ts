import { z } from 'zod'
import type { Agents, Thread } from '../../runtime/bus/agents.ts'
import { longestUtterance } from '../../runtime/bus/protocol.ts'
import type { Identity } from '../door/route.ts'
import { type DocumentedRoute, isId, limitOf, notFound, people, reads, writes } from './define.ts'
import { step, thread, utterance } from './shapes/agents.ts'
import { list } from './shapes/engine.ts'

export interface ChatApiDeps {
  readonly agents: Agents
}

const tag = 'chat'
const agentQuery = z.string().min(1).default('supervisor')
const title = z.string().max(200)

/** Conversations with the agents. */
export const chatRoutes = (deps: ChatApiDeps): readonly DocumentedRoute[] => [...threadRoutes(deps), ...messageRoutes(deps)]

function threadRoutes({ agents }: ChatApiDeps): readonly DocumentedRoute[] {
  return [
    reads({
      ...{ path: '/api/chat/threads', policy: people, tag, answer: list(thread) },
      query: z.object({ agent: agentQuery, kind: z.enum(['chat', 'task', 'all']).default('chat') }),
      summary: 'Conversations with an agent, newest first',
      async handle({ query }) {
        const threads = await agents.threads(query.agent)
        return threads.filter(({ kind }) => query.kind === 'all' || kind === query.kind)
      },
    }),
    writes({
      ...{ path: '/api/chat/threads', policy: people, audit: 'chat-begin', tag, answer: thread },
      body: z.strictObject({ agent: agentQuery, title: title.default('') }),
      summary: 'Begin a conversation',
      handle: ({ body, call }) => agents.openThread(body.agent, body.title, callerName(call.identity)),
    }),
    reads({
      ...{ path: '/api/chat/threads/:id', policy: people, tag, answer: thread },
      summary: 'One conversation',
      handle: async ({ param }) => (await find(agents, param('id'))) ?? noThread(),
    }),
    reads({
      ...{ path: '/api/chat/threads/:id/steps', policy: people, tag, answer: list(step) },
      summary: 'What tools were called in a conversation, oldest first',
      async handle({ param }) {
        const found = await find(agents, param('id'))
        return found === undefined ? noThread() : agents.steps(found.id)
      },
    }),
  ]
}

function messageRoutes({ agents }: ChatApiDeps): readonly DocumentedRoute[] {
  return [
    reads({
      ...{ path: '/api/chat/threads/:id/messages', policy: people, tag, answer: list(utterance) },
      query: z.object({ limit: limitOf(50, 500) }),
      summary: 'The newest of what was said, oldest first',
      async handle({ param, query }) {
        const found = await find(agents, param('id'))
        return found === undefined ? noThread() : agents.conversation(found.agent, query.limit, found.id)
      },
    }),
    writes({
      ...{ path: '/api/chat/threads/:id/messages', policy: people, audit: 'chat-say', tag, answer: utterance },
      body: z.strictObject({ text: z.string().min(1).max(longestUtterance) }),
      summary: 'Say something; the answer comes over the WebSocket, or with the next reading of the messages',
      async handle({ param, body, call }) {
        const found = await find(agents, param('id'))
        if (found === undefined) return noThread()
        return agents.say(found.agent, body.text, callerName(call.identity), { thread: found.id })
      },
    }),
    writes({
      ...{ path: '/api/chat/messages/:id/stop', policy: people, audit: 'chat-stop', tag },
      answer: z.object({ stopped: z.boolean().describe('False when it had ended') }),
      summary: 'End the answer to a message; what was said of it stays',
      handle: async ({ param, call }) =>
        isId(param('id')) ? { stopped: await agents.stopAnswer(param('id'), callerName(call.identity)) } : noMessage(),
    }),
    writes({
      ...{ path: '/api/chat/messages/:id/again', policy: people, audit: 'chat-again', tag },
      answer: z.object({ asked: z.boolean().describe('False when its answer did not fail') }),
      summary: 'Ask a message again whose answer failed or was stopped',
      handle: async ({ param }) => (isId(param('id')) ? { asked: await agents.askAgain(param('id')) } : noMessage()),
    }),
  ]
}

const find = async (agents: Agents, id: string): Promise<Thread | undefined> => (isId(id) ? agents.thread(id) : undefined)

const noThread = () => notFound('there is no such conversation', 'GET /api/chat/threads lists them')
const noMessage = () => notFound('there is no such message', 'GET /api/chat/threads/:id/messages lists them')

/** As the conversation names who speaks. */
const callerName = (identity: Identity): string => ('name' in identity ? identity.name : 'somebody')

import { z } from 'zod'
import type { Agents, Thread } from '../../runtime/bus/agents.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Tasks } from '../../runtime/tasks/task.ts'
import type { Ratings } from '../portal/chat/ratings.ts'
import { raterOf } from '../portal/chat/view.ts'
import { activeStates } from '../portal/tasks/words.ts'
import { type DocumentedRoute, isId, notFound, people, reads, writes } from './define.ts'
import { step, thread } from './shapes/agents.ts'
import { list } from './shapes/engine.ts'
import { callerName } from './speaker.ts'

export interface ThreadsApiDeps {
  readonly agents: Agents
  readonly tasks: Tasks
  readonly ratings: Ratings
}

const tag = 'chat'
const agentQuery = z.string().min(1).default('supervisor')
const title = z.string().max(200)

/** Conversations as a whole: begin, find, change, delete, rate. */
export const threadRoutes = (deps: ThreadsApiDeps): readonly DocumentedRoute[] => [
  ...findingRoutes(deps),
  ...changingRoutes(deps),
  ...ratingRoutes(deps),
]

function findingRoutes({ agents }: ThreadsApiDeps): readonly DocumentedRoute[] {
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
    reads({
      ...{ path: '/api/chat/search', policy: people, tag },
      answer: list(z.object({ thread, excerpt: z.string().describe('Empty when only the title has the words') })),
      query: z.object({ agent: agentQuery, words: z.string().min(1).max(200) }),
      summary: 'Conversations where these words stand in the title or in what was said',
      handle: ({ query }) => agents.searchThreads(query.agent, query.words),
    }),
    reads({
      ...{ path: '/api/chat/threads/:id', policy: people, tag, answer: thread },
      summary: 'One conversation',
      handle: async ({ param }) => (await findThread(agents, param('id'))) ?? noThread(),
    }),
    reads({
      ...{ path: '/api/chat/threads/:id/steps', policy: people, tag, answer: list(step) },
      summary: 'What tools were called in a conversation, oldest first',
      async handle({ param }) {
        const found = await findThread(agents, param('id'))
        return found === undefined ? noThread() : agents.steps(found.id)
      },
    }),
  ]
}

function changingRoutes({ agents, tasks }: ThreadsApiDeps): readonly DocumentedRoute[] {
  return [
    writes({
      ...{ path: '/api/chat/threads', policy: people, audit: 'chat-begin', tag, answer: thread },
      body: z.strictObject({ agent: agentQuery, title: title.default('') }),
      summary: 'Begin a conversation',
      handle: ({ body, call }) => agents.openThread(body.agent, body.title, callerName(call.identity)),
    }),
    writes({
      ...{ path: '/api/chat/threads/:id', policy: people, audit: 'chat-change', tag, answer: thread },
      body: z.strictObject({ title: title.min(1).exactOptional(), archived: z.boolean().exactOptional() }),
      summary: 'Rename a conversation, put it away or take it back',
      async handle({ param, body }) {
        const found = await findThread(agents, param('id'))
        if (found === undefined) return noThread()
        await agents.changeThread(found.id, body)
        return (await agents.thread(found.id)) ?? noThread()
      },
    }),
    writes({
      ...{ path: '/api/chat/threads/:id/delete', policy: people, audit: 'chat-delete', tag },
      answer: z.object({ deleted: z.literal(true) }),
      summary: 'Delete a conversation with all that was said in it; refused while somebody works for it',
      async handle({ param }) {
        const open = await tasks.list({ thread: param('id'), states: activeStates, limit: 1 })
        const done = open.length > 0 ? 'busy' : await agents.forgetThread(param('id'))
        if (done === 'unknown') return noThread()
        if (done === 'forgotten') return { deleted: true }
        throw new ApplianceError('invalid', 'somebody still works for this conversation', { hint: 'stop or cancel that first' })
      },
    }),
  ]
}

function ratingRoutes({ agents, ratings }: ThreadsApiDeps): readonly DocumentedRoute[] {
  const rating = z.number().int().min(1).max(10)
  const path = '/api/chat/threads/:id/ratings'
  return [
    reads({
      ...{ path, policy: people, tag, answer: z.record(z.string(), rating).describe('By the id of the answer') },
      summary: 'What you gave to answers of a conversation',
      async handle({ param, call }) {
        const found = await findThread(agents, param('id'))
        if (found === undefined) return noThread()
        const said = await agents.conversation(found.agent, mostSaid, found.id)
        return Object.fromEntries(
          await ratings.of(
            said.map(({ id }) => id),
            raterOf(call),
          ),
        )
      },
    }),
    writes({
      ...{ path, policy: people, audit: 'chat-rate', tag, answer: z.object({ rated: rating }) },
      body: z.strictObject({ message: z.string().describe('Id of the answer'), rating }),
      summary: 'Rate an answer from 1 to 10; again changes it',
      async handle({ param, body, call }) {
        const found = await findThread(agents, param('id'))
        if (found === undefined) return noThread()
        const said = await agents.conversation(found.agent, mostSaid, found.id)
        if (said.find(({ id }) => id === body.message)?.role !== 'agent') return noMessage()
        await ratings.rate(body.message, raterOf(call), body.rating)
        return { rated: body.rating }
      },
    }),
  ]
}

const mostSaid = 1_000

export const findThread = async (agents: Agents, id: string): Promise<Thread | undefined> =>
  isId(id) ? agents.thread(id) : undefined

export const noThread = () => notFound('there is no such conversation', 'GET /api/chat/threads lists them')
export const noMessage = () => notFound('there is no such message', 'GET /api/chat/threads/:id/messages lists them')

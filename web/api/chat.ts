import { z } from 'zod'
import { longestUtterance } from '../../runtime/bus/protocol.ts'
import type { Block } from '../../runtime/bus/work.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { enclosed } from '../portal/chat/attachments.ts'
import { findThread, noMessage, noThread, type ThreadsApiDeps, threadRoutes } from './chat-threads.ts'
import { type DocumentedRoute, isId, limitOf, people, reads, writes } from './define.ts'
import { utterance } from './shapes/agents.ts'
import { list } from './shapes/engine.ts'
import { callerName } from './speaker.ts'

export type ChatApiDeps = ThreadsApiDeps

const tag = 'chat'

/** Conversations with the agents. */
export const chatRoutes = (deps: ChatApiDeps): readonly DocumentedRoute[] => [...threadRoutes(deps), ...messageRoutes(deps)]

const files = list(z.strictObject({ name: z.string().max(300), base64: z.base64() })).describe('Text, images, PDF')

function messageRoutes({ agents }: ChatApiDeps): readonly DocumentedRoute[] {
  return [
    reads({
      ...{ path: '/api/chat/threads/:id/messages', policy: people, tag, answer: list(utterance) },
      query: z.object({ limit: limitOf(50, 500) }),
      summary: 'The newest of what was said, oldest first',
      async handle({ param, query }) {
        const found = await findThread(agents, param('id'))
        return found === undefined ? noThread() : agents.conversation(found.agent, query.limit, found.id)
      },
    }),
    writes({
      ...{ path: '/api/chat/threads/:id/messages', policy: people, audit: 'chat-say', tag, answer: utterance },
      body: z.strictObject({ text: z.string().min(1).max(longestUtterance), files: files.exactOptional() }),
      summary: 'Say something; the answer comes over the WebSocket, or with the next reading of the messages',
      async handle({ param, body, call }) {
        const found = await findThread(agents, param('id'))
        if (found === undefined) return noThread()
        const attachments = await blocksOf(body.files ?? [])
        return agents.say(found.agent, body.text, callerName(call.identity), { thread: found.id, attachments })
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

async function blocksOf(given: readonly { readonly name: string; readonly base64: string }[]): Promise<readonly Block[]> {
  const { blocks, mistakes } = enclosed(given.map(({ name, base64 }) => ({ name, bytes: Buffer.from(base64, 'base64') })))
  if (mistakes.length > 0) throw new ApplianceError('invalid', mistakes.join('\n'))
  return blocks
}

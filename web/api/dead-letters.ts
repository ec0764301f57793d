import { z } from 'zod'
import type { AgentsRoom } from '../../runtime/bus/create-agents.ts'
import { type DocumentedRoute, people, reads, writes } from './define.ts'
import { list } from './shapes/engine.ts'

export interface DeadLettersApiDeps {
  readonly letters: Pick<AgentsRoom, 'deadLetters' | 'replay'>
}

const tag = 'messages'

const deadLetter = z
  .object({
    id: z.string(),
    agent: z.string().describe('Whose inbox it was for'),
    message: z.string().optional().describe('Absent when it could not even be read'),
    reason: z.string(),
    content: z.string().describe('The envelope, or what stood in the inbox instead of one'),
    at: z.string().describe('ISO 8601'),
    replayedAt: z.string().optional().describe('ISO 8601, when it was sent again'),
  })
  .meta({ id: 'DeadLetter' })

/** Messages that could not be delivered, and a way to send them again. */
export function deadLetterRoutes({ letters }: DeadLettersApiDeps): readonly DocumentedRoute[] {
  return [
    reads({
      ...{ path: '/api/dead-letters', policy: people, tag, answer: list(deadLetter) },
      summary: 'Messages that could not be delivered, newest first',
      handle: () => letters.deadLetters(),
    }),
    writes({
      ...{ path: '/api/dead-letters/:id/replay', policy: people, audit: 'dead-letter.replayed', tag },
      answer: z.object({ replayed: z.string() }),
      summary: 'Send a message again as if for the first time',
      async handle({ param }) {
        await letters.replay(param('id'))
        return { replayed: param('id') }
      },
    }),
  ]
}

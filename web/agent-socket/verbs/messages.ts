import { z } from 'zod'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { type Verb, verb } from './verb.ts'

/** What agents say to each other; every word goes through the runtime, which stamps who said it. */
export interface Peers {
  /** Asks another agent and waits for its answer. */
  consult(question: PeerQuestion, signal: AbortSignal): Promise<string>
  /** Tells all other agents; nobody answers. Gives who was told. */
  broadcast(from: string, text: string, thread: string | undefined): Promise<readonly string[]>
}

export interface PeerQuestion {
  readonly from: string
  readonly to: string
  readonly text: string
  /** The work that asks: a question that comes back to it in a circle is refused. */
  readonly work: string
  readonly call: string
}

export interface MessageVerbDeps {
  readonly peers: Peers
}

export const messageVerbs = ({ peers }: MessageVerbDeps): readonly Verb[] => [
  verb('message.consult', {
    input: z.strictObject({ agent: z.string().min(1).max(60), question: z.string().min(1).max(20_000) }),
    title: ({ agent }) => `ask ${agent}`,
    async run({ agent, question }, caller) {
      if (agent === caller.agent) throw new ApplianceError('invalid', 'that is yourself: ask somebody else, or decide')
      const answer = await peers.consult(
        { from: caller.agent, to: agent, text: question, work: caller.work, call: caller.call },
        caller.signal,
      )
      return { agent, answer }
    },
  }),

  verb('message.broadcast', {
    input: z.strictObject({ text: z.string().min(1).max(4_000), thread: z.string().max(100).optional() }),
    title: () => 'tell all agents',
    repeatable: false,
    run: async ({ text, thread }, { agent }) => ({ told: await peers.broadcast(agent, text, thread) }),
  }),
]

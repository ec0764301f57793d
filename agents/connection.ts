import type { Utterance } from '../runtime/bus/agents.ts'
import {
  type AnswerOutcome,
  type AnswerReport,
  type Briefing,
  type Heartbeat,
  type HeartbeatAnswer,
  parseAnswerOutcome,
  parseBriefing,
  parseConversation,
  parseHeartbeatAnswer,
  parseUtterance,
} from '../runtime/bus/protocol.ts'
import { ApplianceError, explain } from '../runtime/os/errors.ts'

/** The agent's own way to the runtime: a socket that says who it is. Everything throws an ApplianceError on failure. */
export interface Connection {
  briefing(): Promise<Briefing>
  conversation(): Promise<readonly Utterance[]>
  heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer>
  /** What was typed into the window. */
  say(text: string): Promise<Utterance>
  answer(utteranceId: string, report: AnswerReport): Promise<AnswerOutcome>
}

export function connect(socket: string): Connection {
  const call = async (path: string, content?: object): Promise<unknown> => {
    const response = await reach(socket, path, content)
    const answer: unknown = await response.json().catch(() => ({}))
    if (response.ok) return answer
    throw new ApplianceError(
      isRefusal(response.status) ? 'invalid' : 'failed',
      sentenceOf(answer) ?? `the runtime answered ${response.status}`,
    )
  }
  return {
    briefing: async () => parseBriefing(await call('/agent/briefing')),
    conversation: async () => parseConversation(await call('/agent/conversation')),
    heartbeat: async heartbeat => parseHeartbeatAnswer(await call('/agent/heartbeat', heartbeat)),
    say: async text => parseUtterance(await call('/agent/utterances', { text })),
    answer: async (id, report) => parseAnswerOutcome(await call(`/agent/answers/${id}`, report)),
  }
}

async function reach(socket: string, path: string, content: object | undefined): Promise<Response> {
  const options =
    content === undefined
      ? {}
      : { method: 'POST', body: JSON.stringify(content), headers: { 'content-type': 'application/json' } }
  try {
    return await fetch(`http://agent${path}`, { unix: socket, signal: AbortSignal.timeout(10_000), ...options })
  } catch (cause) {
    throw new ApplianceError('waiting', `the runtime is away: ${explain(cause)}`, { cause })
  }
}

/** What was asked is wrong, and asking again will not help. */
const isRefusal = (status: number) => status >= 400 && status < 500 && status !== 429

function sentenceOf(answer: unknown): string | undefined {
  if (typeof answer === 'object' && answer !== null && 'message' in answer && typeof answer.message === 'string')
    return answer.message
  return undefined
}

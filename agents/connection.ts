import type { Utterance } from '../runtime/bus/agents.ts'
import { readFields } from '../runtime/bus/parse.ts'
import {
  type Briefing,
  type Heartbeat,
  type HeartbeatAnswer,
  parseBriefing,
  parseConversation,
  parseHeartbeatAnswer,
  parseUtterance,
} from '../runtime/bus/protocol.ts'
import type { WorkStanding, WorkStart } from '../runtime/bus/work.ts'
import { parseWorkStanding, parseWorkStart, type WorkFinish, type WorkReport } from '../runtime/bus/work-protocol.ts'
import { ApplianceError, explain } from '../runtime/os/errors.ts'
import type { ActionRequest, ActionResult, Verdict } from '../runtime/policy/action.ts'
import { parseVerbAnswer, type VerbAnswer, type VerbRequest } from '../runtime/policy/verb.ts'

/**
 * The agent's own way to the runtime: a socket that says who it is. Everything throws an ApplianceError on failure: `invalid`
 * when it was refused for good, anything else when asking again may help.
 */
export interface Connection {
  briefing(): Promise<Briefing>
  conversation(): Promise<readonly Utterance[]>
  heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer>
  /** What was typed into the window. */
  say(text: string): Promise<Utterance>
  start(work: string): Promise<WorkStart>
  report(work: string, report: WorkReport): Promise<WorkStanding>
  finish(work: string, finish: WorkFinish): Promise<WorkStanding>
  decide(request: ActionRequest): Promise<Verdict>
  confirm(action: string, result: ActionResult): Promise<void>
  /** Whether a person has decided by now, or nobody can any more; the runtime keeps the question open for a while. */
  decided(approval: string, signal: AbortSignal): Promise<boolean>
  verb(verb: string, request: VerbRequest, signal: AbortSignal): Promise<VerbAnswer>
}

/** Milliseconds until an answer: of what is quick, of a question that the runtime keeps open, and of what changes the server. */
const patience = { quick: 20_000, open: 60_000, verb: 900_000 } as const

export function connect(socket: string): Connection {
  const call = async (path: string, options: Options = {}): Promise<unknown> => {
    const response = await reach(socket, path, options)
    const answer: unknown = await response.json().catch(() => ({}))
    if (response.ok) return answer
    throw new ApplianceError(
      isRefusal(response.status) ? 'invalid' : 'failed',
      sentenceOf(answer) ?? `the runtime answered ${response.status}`,
    )
  }
  const at = (...parts: readonly string[]) => `/agent/${parts.map(encodeURIComponent).join('/')}`
  return {
    briefing: async () => parseBriefing(await call(at('briefing'))),
    conversation: async () => parseConversation(await call(at('conversation'))),
    heartbeat: async content => parseHeartbeatAnswer(await call(at('heartbeat'), { content })),
    say: async text => parseUtterance(await call(at('utterances'), { content: { text } })),
    start: async id => parseWorkStart(await call(at('work', id, 'start'), { content: {} })),
    report: async (id, content) => parseWorkStanding(await call(at('work', id, 'events'), { content })),
    finish: async (id, content) => parseWorkStanding(await call(at('work', id, 'finish'), { content })),
    decide: async content => parseVerdict(await call(at('actions'), { content })),
    async confirm(action, content) {
      await call(at('actions', action, 'confirm'), { content })
    },
    async decided(approval, signal) {
      const answer = await call(at('approvals', approval, 'decided'), { signal, milliseconds: patience.open })
      return readFields(answer, 'approval').text('state') !== 'waiting'
    },
    verb: async (verb, content, signal) =>
      parseVerbAnswer(await call(at('verbs', verb), { content, signal, milliseconds: patience.verb })),
  }
}

function parseVerdict(value: unknown): Verdict {
  const fields = readFields(value, 'verdict')
  const verdict = fields.oneOf('verdict', ['allow', 'deny', 'ask', 'done', 'unknown'])
  switch (verdict) {
    case 'allow':
      return { verdict, action: fields.text('action') }
    case 'deny':
      return { verdict, reason: fields.text('reason') }
    case 'ask':
      return { verdict, approval: fields.text('approval'), reason: fields.text('reason') }
    case 'unknown':
      return { verdict, at: fields.text('at') }
    case 'done': {
      const result = fields.object('result')
      return { verdict, result: { outcome: result.oneOf('outcome', ['done', 'failed']), content: result.text('content') } }
    }
  }
}

interface Options {
  readonly content?: object
  readonly signal?: AbortSignal
  readonly milliseconds?: number
}

async function reach(
  socket: string,
  path: string,
  { content, signal, milliseconds = patience.quick }: Options,
): Promise<Response> {
  const limit = AbortSignal.timeout(milliseconds)
  const options =
    content === undefined
      ? {}
      : { method: 'POST', body: JSON.stringify(content), headers: { 'content-type': 'application/json' } }
  try {
    return await fetch(`http://agent${path}`, {
      unix: socket,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      timeout: false,
      ...options,
    })
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

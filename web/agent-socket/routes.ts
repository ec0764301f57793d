import { cleaned } from '../../reconcilers/engine/clean.ts'
import type { Audit } from '../../runtime/audit/audit.ts'
import type { AuditEvent } from '../../runtime/audit/event.ts'
import type { AgentsRoom } from '../../runtime/bus/create-agents.ts'
import { readFields } from '../../runtime/bus/parse.ts'
import { longestUtterance, parseHeartbeat } from '../../runtime/bus/protocol.ts'
import { largestReport, parseWorkFinish, parseWorkReport, shortestReportInterval } from '../../runtime/bus/work-protocol.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { json } from '../door/answer.ts'
import type { Call, RateLimit, Route } from '../door/route.ts'

export interface AgentSocketDeps {
  readonly audit: Pick<Audit, 'record'>
  readonly agents: Pick<AgentsRoom, 'briefing' | 'conversation' | 'heard' | 'say' | 'work'>
  /** Takes out values that are known to be secret: whoever an agent speaks with may repeat what it was shown. */
  readonly hide: (text: string) => string
}

const often: RateLimit = { requests: 3_000, seconds: 60 }
/** As often as both works of an agent, a conversation and a task, report at most. */
const reports: RateLimit = { requests: (2 * 60_000) / shortestReportInterval, seconds: 60 }
const seldom: RateLimit = { requests: 300, seconds: 60 }
const policy = ['agent'] as const

/** What an agent's process may ask through its own socket `run/agents/<name>.sock`. Who asks is the socket's name. */
export function createAgentSocketRoutes({ agents, audit, hide }: AgentSocketDeps): readonly Route[] {
  const body = async (call: Call, limit?: number) => cleaned(await bodyOf(call, limit), hide)
  return [
    {
      method: 'GET',
      path: '/agent/briefing',
      policy,
      rateLimit: seldom,
      audit: false,
      handle: answering(async (_call, name) => {
        const briefing = await agents.briefing(name)
        // Nobody gets a key whose way could not be written down.
        if (briefing?.claude.apiKey !== undefined) await audit.record(keyGiven(name, briefing.claude.keyName))
        return briefing
      }),
    },
    {
      method: 'GET',
      path: '/agent/conversation',
      policy,
      rateLimit: seldom,
      audit: false,
      handle: answering(async (_call, name) => ({ utterances: await agents.conversation(name, 50) })),
    },
    {
      method: 'POST',
      path: '/agent/heartbeat',
      policy,
      rateLimit: often,
      audit: false,
      handle: answering(async (call, name) => agents.heard(name, parseHeartbeat(await body(call)))),
    },
    {
      method: 'POST',
      path: '/agent/utterances',
      policy,
      rateLimit: seldom,
      audit: 'agent.say',
      handle: answering(async (call, name) => agents.say(name, readFields(await body(call)).text('text'), 'operator')),
    },
    {
      method: 'POST',
      path: '/agent/work/:id/start',
      policy,
      rateLimit: often,
      audit: false,
      handle: answering(async (call, name) => agents.work.start(name, idOf(call))),
    },
    {
      method: 'POST',
      path: '/agent/work/:id/events',
      policy,
      rateLimit: reports,
      audit: false,
      handle: answering(async (call, name) =>
        agents.work.events(name, idOf(call), parseWorkReport(await body(call, largestReport))),
      ),
    },
    {
      method: 'POST',
      path: '/agent/work/:id/finish',
      policy,
      rateLimit: often,
      audit: false,
      handle: answering(async (call, name) =>
        agents.work.finish(name, idOf(call), parseWorkFinish(await body(call, largestReport))),
      ),
    },
  ]
}

const keyGiven = (agent: string, target = 'ANTHROPIC_API_KEY'): AuditEvent => ({
  ...{ type: 'secret_accessed', agent, user: '', action: 'agent.briefing', target, outcome: 'success' },
})

/** JSON of what is found, or 404 for nothing. */
function answering(find: (call: Call, name: string) => Promise<object | undefined>): Route['handle'] {
  return async call => {
    if (call.identity.kind !== 'agent') return json({ message: 'this is for an agent on its own socket' }, 403)
    const found = await find(call, call.identity.name)
    return found === undefined ? json({ message: 'there is no such agent' }, 404) : json(found)
  }
}

async function bodyOf(call: Call, limit = longestUtterance * 8): Promise<unknown> {
  const length = Number(call.request.headers.get('content-length') ?? 0)
  if (length > limit) throw new ApplianceError('invalid', 'the request is too large')
  try {
    return await call.request.json()
  } catch (cause) {
    throw new ApplianceError('invalid', 'the request is not JSON', { cause })
  }
}

function idOf(call: Call): string {
  const id = call.params.id ?? ''
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new ApplianceError('invalid', 'the id is no UUID')
  return id
}

import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Actions, Approvals } from '../../runtime/policy/action.ts'
import { actionRequestSchema, actionResultSchema } from '../../runtime/policy/actions/parse.ts'
import { json, readJson } from '../door/answer.ts'
import type { Call, RateLimit, Route } from '../door/route.ts'

export interface ActionRouteDependencies {
  readonly actions: Actions
  readonly approvals: Pick<Approvals, 'get' | 'decided'>
}

const often: RateLimit = { requests: 3_000, seconds: 60 }
const policy = ['agent'] as const

/** Milliseconds that a question for a decision stays open; the agent asks again. */
const patience = 25_000

/** An agent asks before it acts, waits for a person, and tells after. The ledger writes the audit itself, with what it was. */
export function createActionRoutes({ actions, approvals }: ActionRouteDependencies): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/agent/actions',
      policy,
      rateLimit: often,
      audit: false,
      handle: async call => json(await actions.decide(agentOf(call), await readJson(call.request, actionRequestSchema))),
    },
    {
      method: 'POST',
      path: '/agent/actions/:id/confirm',
      policy,
      rateLimit: often,
      audit: false,
      handle: async call => {
        await actions.confirm(agentOf(call), uuidOf(call), await readJson(call.request, actionResultSchema))
        return json({ outcome: 'recorded' })
      },
    },
    {
      method: 'GET',
      path: '/agent/approvals/:id/decided',
      policy,
      rateLimit: often,
      audit: false,
      handle: async call => {
        call.keepOpen()
        const id = uuidOf(call)
        const asked = await approvals.get(id)
        if (asked?.agent !== agentOf(call)) return json({ message: 'there is no such approval of yours' }, 404)
        const signal = AbortSignal.any([call.request.signal, AbortSignal.timeout(patience)])
        const { state, decidedBy, note } = await approvals.decided(id, signal)
        return json({ approval: id, state, by: decidedBy ?? '', note: note ?? '' })
      },
    },
  ]
}

function agentOf({ identity }: Call): string {
  if (identity.kind === 'agent') return identity.name
  throw new ApplianceError('invalid', 'this is for an agent on its own socket')
}

function uuidOf({ params }: Call): string {
  const id = params.id ?? ''
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new ApplianceError('invalid', 'the id is no UUID')
  return id
}

import { z } from 'zod'
import { cleaned } from '../../reconcilers/engine/clean.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { ActionResult, Actions } from '../../runtime/policy/action.ts'
import type { VerbAnswer } from '../../runtime/policy/verb.ts'
import { json, readJson } from '../door/answer.ts'
import type { Call, Route } from '../door/route.ts'
import type { Caller, Verb } from './verbs/verb.ts'

const body = z.strictObject({
  work: z.string().min(1).max(100),
  attempt: z.int(),
  call: z.string().min(1).max(200),
  input: z.record(z.string(), z.unknown()),
})

/** Characters of a stored result. */
const longestResult = 200_000

/**
 * `POST /agent/verbs/:verb`: decided, carried out, written down, in this order and nowhere else. `hide` takes values that are
 * known to be secret out of the answers: a database elsewhere may hold what opens another one.
 */
export function createVerbRoutes(verbs: readonly Verb[], actions: Actions, hide: (text: string) => string): readonly Route[] {
  const known = new Map(verbs.map(verb => [verb.name, verb]))
  return [
    {
      method: 'POST',
      path: '/agent/verbs/:verb',
      policy: ['agent'],
      rateLimit: { requests: 600, seconds: 60 },
      audit: 'agent.verb',
      async handle(call) {
        if (call.identity.kind !== 'agent') return json({ message: 'this is for an agent on its own socket' }, 403)
        const verb = known.get(call.params.verb ?? '')
        if (verb === undefined) return json({ message: `there is no verb ${call.params.verb}` }, 404)
        call.keepOpen()
        return json(await carryOut(verb, { ...actions, hide }, call.identity.name, call))
      },
    },
  ]
}

interface Clerk extends Actions {
  hide(text: string): string
}

async function carryOut(verb: Verb, actions: Clerk, agent: string, { request }: Call): Promise<VerbAnswer> {
  const { input, ...from } = await readJson(request, body)
  const caller: Caller = { agent, ...from, signal: request.signal }
  const shown = await verb.shown(input, caller)
  const verdict = await actions.decide(agent, {
    ...from,
    tool: verb.name,
    title: verb.title(input),
    needs: [{ kind: 'verb', verb: verb.name, input: shown }, ...(await verb.needs(input, caller))],
  })
  switch (verdict.verdict) {
    case 'ask':
    case 'deny':
      return verdict
    case 'done':
      return recalled(verdict.result)
    case 'unknown':
      return verb.repeatable ? cleaned(await attempt(verb, input, caller, shown), actions.hide) : verdict
    case 'allow': {
      const answer = cleaned(await attempt(verb, input, caller, shown), actions.hide)
      await actions.confirm(agent, verdict.action, remembered(answer))
      return answer
    }
  }
}

/** What went wrong is an answer that the model can act on; only what nobody foresaw is an error of ours. */
async function attempt(
  verb: Verb,
  input: unknown,
  caller: Caller,
  shown: Readonly<Record<string, unknown>>,
): Promise<VerbAnswer> {
  try {
    return { verdict: 'done', result: (await verb.run(input, caller, shown)) ?? null }
  } catch (error) {
    if (error instanceof ApplianceError) return { verdict: 'failed', reason: explain(error) }
    throw error
  }
}

function remembered(answer: VerbAnswer): ActionResult {
  if (answer.verdict !== 'done') return { outcome: 'failed', content: 'reason' in answer ? answer.reason : '' }
  const content = JSON.stringify(answer.result)
  return {
    outcome: 'done',
    content: content.length > longestResult ? JSON.stringify(`${content.slice(0, longestResult)}…`) : content,
  }
}

function recalled({ outcome, content }: ActionResult): VerbAnswer {
  if (outcome === 'failed') return { verdict: 'failed', reason: content }
  try {
    return { verdict: 'done', result: JSON.parse(content) }
  } catch {
    return { verdict: 'done', result: content }
  }
}

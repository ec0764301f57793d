import type { Entry } from '../../runtime/bus/work.ts'
import type { CallDeps, CallOutcome } from './call.ts'
import { resultBlock, type ToolCall, user } from './entries.ts'
import { makeCall } from './one-call.ts'
import type { Repetition } from './repetition.ts'

export interface CallRound {
  /** The results, in the order of the calls. */
  readonly entry: Entry
  /** Why the work has to end. */
  readonly fatal: string | undefined
}

/** Turns in a row whose input for one tool does not fit, after which the work fails. */
export const mostMisfits = 3

/** Makes the calls of one turn, all at once. */
export function createCalls(deps: CallDeps, repetition: Repetition): (calls: readonly ToolCall[]) => Promise<CallRound> {
  const misfits = new Map<string, number>()
  return async calls => {
    const { tooMany, ended } = repetition.look(calls)
    if (ended !== undefined) return { entry: refused(calls, 'The work ended here.'), fatal: loops(ended) }
    const outcomes = await Promise.all(calls.map(call => (tooMany.has(call.id) ? repeated(call) : makeCall(deps, call))))
    const results = calls.map((call, place) => {
      const outcome = outcomes[place]
      return resultBlock(call.id, outcome?.content ?? '', outcome?.outcome !== 'done')
    })
    const fatal = countMisfits(misfits, calls, outcomes)
    return { entry: user(...results), fatal }
  }
}

/** The same answer to all calls; for what is not made any more. */
export const refused = (calls: readonly ToolCall[], reason: string): Entry =>
  user(...calls.map(call => resultBlock(call.id, reason, true)))

async function repeated(call: ToolCall): Promise<CallOutcome> {
  const content =
    `You have made exactly this call of ${call.tool} again and again, and it was not made this time. ` +
    'Its result will not change: do something else, or say what keeps you from it.'
  return { outcome: 'failed', content, summary: 'the same call again' }
}

const loops = (tool: string) => `the model made the same call of ${tool} again and again, also after it was told so`

/** A tool counts once a turn, so that the model always hears what was wrong before it counts again. */
function countMisfits(
  misfits: Map<string, number>,
  calls: readonly ToolCall[],
  outcomes: readonly CallOutcome[],
): string | undefined {
  const wrong = new Set(calls.filter((_, place) => outcomes[place]?.misfit === true).map(call => call.tool))
  for (const { tool } of calls) if (!wrong.has(tool)) misfits.delete(tool)
  for (const tool of wrong) {
    const count = (misfits.get(tool) ?? 0) + 1
    misfits.set(tool, count)
    if (count >= mostMisfits) return `the model called ${tool} ${count} times in a row with an input that does not fit`
  }
  return undefined
}

import { harness } from '../agents/testing/harness.ts'
import type { Figure } from './report.ts'

/** Milliseconds that are watched at least. */
const watched = 600_000

/**
 * Six agents that nobody speaks to, each on a model that counts. They are watched while everything else is measured, and for
 * ten minutes at least; then a question shows that the model counts.
 */
export async function watchIdleAgents(): Promise<() => Promise<Figure>> {
  const team = await harness({ script: {} })
  const startedAt = performance.now()
  const end = async (): Promise<Figure> => {
    await Bun.sleep(Math.max(startedAt + watched - performance.now(), 0))
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    const idle = team.model.calls.length
    const tokens = team.model.calls.reduce((sum, { body }) => sum + Math.ceil(body.length / 4), 0)
    await team.say('Are you there?')
    await team.untilDone()
    if (team.model.calls.length === idle) throw new Error('the model was not asked when somebody spoke: nothing was measured')
    return {
      name: `tokens requested by six idle agents, watched for ${seconds} s`,
      unit: 'tokens',
      value: tokens,
      bound: 0,
      better: 'lower',
      detail: { requests: idle },
    }
  }
  return () => end().finally(() => team[Symbol.asyncDispose]())
}

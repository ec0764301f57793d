import { harness } from '../agents/testing/harness.ts'
import type { Figure } from './report.ts'

/** Milliseconds that are watched. Nothing in an agent asks the model on a timer, so ten minutes show no more than one. */
const watched = 60_000

/** Six agents that nobody speaks to, each on a model that counts: what they ask for. A question at the end shows that it counts. */
export async function benchIdleTokens(): Promise<Figure> {
  await using team = await harness({ script: {} })
  await Bun.sleep(watched)
  const idle = team.model.calls.length
  const tokens = team.model.calls.reduce((sum, { body }) => sum + Math.ceil(body.length / 4), 0)
  await team.say('Are you there?')
  await team.untilDone()
  if (team.model.calls.length === idle) throw new Error('the model was not asked when somebody spoke: nothing was measured')
  return {
    name: 'tokens that six idle agents request',
    unit: 'tokens',
    value: tokens,
    bound: 0,
    better: 'lower',
    detail: { 'seconds watched': watched / 1_000, requests: idle },
  }
}

import { workWhileKilling } from '../tests/support/killed-team/killing.ts'
import type { Figure } from './report.ts'

/** Messages and tasks that are lost or done twice while eight agents, the runtime and Redis are killed with -9 at random. */
export async function benchChaos(): Promise<Figure> {
  const all = { messages: 10_000, tasks: 2_000, agents: 8, between: 250, patience: 1_800_000 }
  const { lost, doubled, kills, milliseconds } = await workWhileKilling(all)
  return {
    name: '10,000 messages and 2,000 tasks while agents, Redis and the runtime are killed with -9 at random: lost or done twice',
    unit: '',
    value: lost + doubled,
    bound: 0,
    better: 'lower',
    detail: {
      ...{ lost, doubled, 'kills of agents': kills.agents, 'of the runtime': kills.runtime, 'of Redis': kills.redis },
      s: milliseconds / 1_000,
    },
  }
}

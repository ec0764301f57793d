import { startTestStore } from '../runtime/store/testing/postgres.ts'
import { workWhileKilling } from '../runtime/tasks/testing/killing.ts'
import type { Figure } from './report.ts'

const tasks = 2_000

/** Tasks that are lost or whose result counts twice while the runtime and eight agents are killed with -9 at random. */
export async function benchChaos(): Promise<Figure> {
  await using database = await startTestStore()
  const { lost, doubled, kills, milliseconds } = await workWhileKilling(database, tasks, 600_000)
  return {
    name: '2,000 tasks while agents and the runtime are killed with -9 at random: lost or done twice',
    unit: 'tasks',
    value: lost + doubled,
    bound: 0,
    better: 'lower',
    detail: { lost, doubled, kills, s: milliseconds / 1_000 },
  }
}

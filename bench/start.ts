import type { Appliance } from '../tests/support/appliance.ts'
import { type Figure, median } from './report.ts'

/** `main.ts up` on a home that exists, to converged: its services, six agents and sites looked at and ready. */
export async function benchStart(appliance: Appliance): Promise<Figure> {
  const times: number[] = []
  for (let round = 0; round < 4; round++) {
    await appliance.end('SIGINT')
    const startedAt = performance.now()
    await appliance.start()
    await appliance.converged()
    if (round > 0) times.push((performance.now() - startedAt) / 1_000)
  }
  return {
    name: 'main.ts up to converged, starter state, warm disk',
    unit: 's',
    value: median(times),
    bound: 3,
    better: 'lower',
    detail: { 'slowest s': Math.max(...times) },
  }
}

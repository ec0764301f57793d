import { createAppliance } from '../tests/support/appliance.ts'
import { type Figure, median, timed } from './report.ts'

const rounds = 5

/** `main.ts up` on a home that exists, to converged: its services, six agents and sites looked at and ready. */
export async function benchStart(): Promise<Figure> {
  await using appliance = await createAppliance({ bare: true })
  const up = () =>
    timed(async () => {
      await appliance.start()
      await appliance.converged()
    })
  const first = (await up()) / 1_000
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    await appliance.end('SIGINT')
    times.push((await up()) / 1_000)
  }
  return {
    name: '`main.ts up` to converged, starter state, warm disk',
    unit: 's',
    value: median(times),
    bound: 3,
    better: 'lower',
    detail: { 'fastest s': Math.min(...times), 'slowest s': Math.max(...times), 'very first start, with initdb, s': first },
  }
}

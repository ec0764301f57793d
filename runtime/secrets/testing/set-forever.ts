import { systemClock } from '../../os/clock.ts'
import { createHomeStore } from '../home-store.ts'

/** Sets, rotates and removes one secret of a store until it is killed; says when it begins and when each value is durable. */
const [path = '', keys = ''] = process.argv.slice(2)
const store = createHomeStore({ path, keys, clock: systemClock })
process.stdout.write('begun\n')
for (let round = 0; ; round++) {
  await store.set('ROTATED', `the-marked-value-number-${round} of a long secret`)
  process.stdout.write(`${round}\n`)
  if (round % 3 === 2) await store.remove('ROTATED')
}

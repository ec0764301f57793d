import { writeSync } from 'node:fs'
import { z } from 'zod'
import { homeAt } from '../../../runtime/os/home.ts'
import { openStore } from '../../../runtime/store/store.ts'
import { converge } from './converge.ts'
import { author, declared, openHouse } from './rig.ts'

/** What the process is given, as JSON in its one argument. */
export const orderShape = z.object({
  home: z.string(),
  postgresSockets: z.string(),
  verb: z.enum(['converge', 'look', 'adopt', 'keep']),
  /** Where the upstream is that is declared; absent: there is none. */
  url: z.string().optional(),
  bound: z.object({ head: z.string().optional(), main: z.string().optional() }).default({}),
  /** The step at which it dies, as it prints it; none of this name is none. */
  fatal: z.string().default(''),
})
export type Order = z.input<typeof orderShape>

/** A runtime with a mirror and nothing else that does one thing, prints its steps, and dies at one of them. */
const order = orderShape.parse(JSON.parse(process.argv[2] ?? ''))
const times = new Map<string, number>()
const step = (name: string) => {
  const count = (times.get(name) ?? 0) + 1
  times.set(name, count)
  const shown = count === 1 ? name : `${name} #${count}`
  writeSync(1, `${shown}\n`)
  if (shown === order.fatal) process.kill(process.pid, 'SIGKILL')
}
const store = openStore({ socketFolder: order.postgresSockets, database: 'ai_infrastructure' })
const house = await openHouse(homeAt(order.home), store, { step })
switch (order.verb) {
  case 'converge':
    await converge(house, order.url === undefined ? undefined : declared(order.url), step)
    break
  case 'look':
    await house.mirror.look()
    break
  case 'adopt':
    await house.mirror.adopt(order.bound)
    break
  case 'keep':
    await house.mirror.keep(order.bound, author)
    break
}
process.exit(0)

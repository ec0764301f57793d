import { z } from 'zod'
import { homeAt } from '../../../runtime/os/home.ts'
import { byHand, roomOver, storeOf } from './room-over.ts'

/** What the process is given, as JSON in its one argument. */
export const orderShape = z.object({
  home: z.string(),
  yaml: z.string(),
  name: z.string(),
  verb: z.enum(['begin', 'run', 'verify', 'restore', 'push']),
  /** The step at which it dies; none of this name is none. */
  fatal: z.string(),
  into: z.string().optional(),
})

/** A runtime that has one thing done, and dies at a step; else it prints how that ended. */
const { home: root, yaml, name, verb, fatal, into } = orderShape.parse(JSON.parse(process.argv[2] ?? ''))
const home = homeAt(root)
const dieAt = (step: string) => {
  if (step === fatal) process.kill(process.pid, 'SIGKILL')
}
const over = roomOver(
  ...([home, storeOf(home), yaml] as const),
  { onStep: (kind, step) => (kind === `backup-${verb}` ? dieAt(step) : undefined) },
  byHand,
)
if (verb === 'begin') {
  await over.converge(dieAt)
  process.stdout.write(JSON.stringify({ outcome: 'succeeded' }))
} else {
  await over.room.start()
  const run = await over.done(verb === 'push' ? 'run' : verb, name, into === undefined ? {} : { into })
  process.stdout.write(JSON.stringify(run))
}
process.exit(0)

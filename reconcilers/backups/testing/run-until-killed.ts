import { z } from 'zod'
import { homeAt } from '../../../runtime/os/home.ts'
import type { BackupItem } from '../item.ts'
import { hastySource } from './hasty.ts'
import { roomOfItems, storeOf } from './room-of-items.ts'

/** What the process is given, as JSON in its one argument. */
export const orderShape = z.object({
  home: z.string(),
  /** As the documents declare them: of the half a second in which a runtime would begin, most is their schemas. */
  items: z.array(z.tuple([z.string(), z.custom<BackupItem>(value => typeof value === 'object')])),
  name: z.string(),
  verb: z.enum(['begin', 'run', 'verify', 'restore', 'push']),
  /** The step at which it dies. */
  fatal: z.string(),
  into: z.string().optional(),
})

const { home: root, items, name, verb, fatal, into } = orderShape.parse(JSON.parse(process.argv[2] ?? ''))
const home = homeAt(root)
const dieAt = (step: string) => {
  if (step === fatal) process.kill(process.pid, 'SIGKILL')
}

/** A runtime that has one thing done, and dies at a step. */
const over = roomOfItems(home, storeOf(home), new Map(items), {
  source: hastySource(home),
  onStep: (kind, step) => (kind === `backup-${verb}` ? dieAt(step) : undefined),
})
if (verb === 'begin') await over.converge(dieAt)
else {
  await over.room.start()
  const run = await over.done(verb === 'push' ? 'run' : verb, name, into === undefined ? {} : { into })
  process.stdout.write(JSON.stringify(run))
}
process.exit(0)

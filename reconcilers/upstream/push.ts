import { ApplianceError } from '../../runtime/os/errors.ts'
import { lookOnce } from './look.ts'
import type { Sides } from './sides.ts'

/** Our main goes there, as a change of the engine; where somebody was there before, what follows is that of a look. */
export async function pushOurs(sides: Sides, signal: AbortSignal, journal: (name: string) => Promise<void>): Promise<void> {
  const { records, exchange, clock } = sides
  const { declared, head: from } = sides.needed()
  const main = await sides.head()
  if (from !== undefined && !(await sides.follows(from, main)))
    throw new ApplianceError('failed', 'the upstream has moved meanwhile')
  await journal('begin')
  const move = { from, to: main, branch: declared.branch }
  const { outcome } = await sides.reach(declared, remote => exchange.push(remote, move, sides.options(signal)))
  await journal('pushed')
  if (outcome === 'pushed') return sides.settle(undefined, { head: main, agreed: main, seenAt: clock.now() })
  await lookOnce(sides)
  const found = records.current()?.problem
  if (found === undefined) return
  throw new ApplianceError(found.state, found.message)
}

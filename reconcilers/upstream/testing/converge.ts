import type { UpstreamRepository } from '../../../desired-state/state.ts'
import { createUpstreamReconciler } from '../reconciler.ts'
import type { House } from './rig.ts'

/** Rounds in which everything has to be as declared. */
const most = 5

/** What the engine does with the upstream until a look finds nothing to change. */
export async function converge(
  { mirror, repository, exchange }: House,
  declared: UpstreamRepository | undefined,
  step: (name: string) => void = () => {},
): Promise<void> {
  const reconciler = createUpstreamReconciler({ mirror, repository, exchange, lookAgain: () => {} })
  const desired = new Map(declared === undefined ? [] : [['main', declared]])
  const { signal } = new AbortController()
  for (let round = 0; round < most; round++) {
    const { changes } = reconciler.plan(desired, await reconciler.observe(desired, signal))
    if (changes.length === 0) return
    for (const change of changes) await reconciler.apply(change, { signal, step: async name => step(name), progress: () => {} })
  }
  throw new Error(`it did not converge in ${most} rounds`)
}

import type { DesiredState } from '../../desired-state/state.ts'
import { explain } from '../../runtime/os/errors.ts'
import { planned } from './convergence.ts'
import { type Core, suspensionOf } from './core.ts'
import { digest } from './digest.ts'
import { holdOf } from './hold.ts'
import type { AnyReconciler, Change } from './reconciler.ts'
import type { Hold, PlanPurpose, RevisionPlan } from './status.ts'

/** What converging to a state would do now: the same select, observe and plan as an apply, and nothing after them. */
export async function planRevision(
  reconcilers: readonly AnyReconciler[],
  core: Core,
  state: DesiredState,
  purpose: PlanPurpose,
): Promise<RevisionPlan> {
  const whole = await holdOf(state, { ...core, reconcilers })
  const held = core.targets.held()
  const hold = whole && { ...whole, id: whole.digest === held?.digest ? held.id : '' }
  const parts = await Promise.all(reconcilers.map(reconciler => planKind(reconciler, core, state, purpose, hold)))
  const changes = parts.flatMap(part => part.changes)
  const capped = new Set(hold?.kinds.filter(({ reason }) => reason !== '').map(({ kind }) => kind))
  return {
    revision: state.revision,
    digest: digest({ changes, holds: hold === undefined ? [] : [hold.digest] }),
    changes: changes.map(planned),
    holds: hold === undefined ? [] : [hold],
    unseen: parts.flatMap(part => part.unseen),
    leftAlone: parts.flatMap(part => part.leftAlone),
    waits: reconcilers.flatMap(({ kind, follows }, index) =>
      follows !== undefined && capped.has(follows) && (parts[index]?.changes.length ?? 0) > 0 ? [{ kind, for: follows }] : [],
    ),
  }
}

interface KindPlan {
  readonly changes: readonly Change<unknown>[]
  readonly unseen: RevisionPlan['unseen']
  readonly leftAlone: RevisionPlan['leftAlone']
}

async function planKind(
  reconciler: AnyReconciler,
  core: Core,
  state: DesiredState,
  purpose: PlanPurpose,
  hold: Hold | undefined,
): Promise<KindPlan> {
  const { kind } = reconciler
  try {
    const desired = reconciler.select(state)
    const observed = await reconciler.observe(desired, AbortSignal.timeout(20_000), 'preview')
    const { changes, unseen = new Map<string, string>() } = reconciler.plan(desired, observed)
    const leftAlone = changes.flatMap(({ key }) => {
      const suspension = suspensionOf(core, kind, key)
      return suspension === undefined ? [] : [{ kind, key, until: suspension.until }]
    })
    const suspended = new Set(leftAlone.map(({ key }) => key))
    const due = changes.filter(({ key }) => !suspended.has(key))
    const isHeld = hold?.kinds.some(held => held.kind === kind)
    if (purpose === 'push' && !isHeld && due.length > 0) rehearse(reconciler, core, due)
    return { changes: due, unseen: [...unseen].map(([key, message]) => ({ kind, key, message })), leftAlone }
  } catch (error) {
    return { changes: [], unseen: [{ kind, message: explain(error) }], leftAlone: [] }
  }
}

/** Goes on by itself: the push does not wait for it, and an apply that finds nothing ready does all of it. */
function rehearse(reconciler: AnyReconciler, core: Core, changes: readonly Change<unknown>[]): void {
  reconciler
    .rehearse?.(changes, AbortSignal.timeout(20_000))
    .catch(error => core.log.debug('rehearsal failed', { kind: reconciler.kind, error: explain(error) }))
}

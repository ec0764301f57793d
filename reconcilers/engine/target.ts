import type { DesiredState } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { type Alteration, alteration } from './blast-cap.ts'
import { digest } from './digest.ts'
import type { Journal } from './journal.ts'
import type { AnyReconciler } from './reconciler.ts'
import type { Hold } from './status.ts'

export interface Target {
  /** What the kind converges to: the head of main, or the last accepted commit while the head is held. */
  readonly state: DesiredState
  readonly hold: Hold | undefined
}

export type ReadState = (revision: string) => Promise<DesiredState | undefined>

/** The hold that a move from one state to another needs, or undefined when it needs none. Pure but for the time. */
export function requiredHold(reconciler: AnyReconciler, from: DesiredState, to: DesiredState, clock: Clock): Hold | undefined {
  if (reconciler.follows !== undefined && reconciler.followed === undefined) return undefined
  const before = reconciler.select(reconciler.followed?.(from, to) ?? from)
  const after = reconciler.select(to)
  const altered: Alteration = alteration(reconciler, before, after)
  if (altered.excess === undefined) return undefined
  const substance = altered.changes.map(change => [
    change.operation,
    change.key,
    before.get(change.key) ?? null,
    after.get(change.key) ?? null,
  ])
  const full = digest([reconciler.kind, substance])
  return {
    id: full.slice(0, 12),
    kind: reconciler.kind,
    digest: full,
    revision: to.revision,
    reason: altered.excess,
    changes: altered.changes,
    since: clock.now().toISOString(),
  }
}

/**
 * Moves a kind's target to the head of main, in four steps: nothing to compare with (the first convergence, or a last
 * commit that this version cannot read) is accepted; the same commit stays; a move within the blast cap is accepted; any
 * other one is accepted by using up its approval, else held, and the kind stays at its last accepted commit. A kind that
 * follows another goes where that one stands instead of to the head.
 */
export async function chooseTarget(
  reconciler: AnyReconciler,
  head: DesiredState,
  context: {
    readonly journal: Pick<Journal, 'accept' | 'hold'>
    readonly accepted: Map<string, string>
    readonly read: ReadState
    readonly clock: Clock
  },
): Promise<Target> {
  const { journal, accepted, read, clock } = context
  const wanted = await wantedState(reconciler, head, accepted, read)
  if (reconciler.follows !== undefined && reconciler.followed === undefined) return { state: wanted, hold: undefined }
  const from = accepted.get(reconciler.kind)
  if (from === wanted.revision) return { state: wanted, hold: undefined }
  const last = from === undefined ? undefined : await read(from)
  const hold = last === undefined ? undefined : requiredHold(reconciler, last, wanted, clock)
  if (last === undefined || hold === undefined || (await journal.accept(reconciler.kind, wanted.revision, hold.digest))) {
    if (hold === undefined) await journal.accept(reconciler.kind, wanted.revision)
    accepted.set(reconciler.kind, wanted.revision)
    return { state: wanted, hold: undefined }
  }
  await journal.hold(hold)
  return { state: reconciler.followed?.(last, wanted) ?? last, hold }
}

/** The head of main; for a kind that follows another, where that one stands. */
async function wantedState(
  { follows }: AnyReconciler,
  head: DesiredState,
  accepted: ReadonlyMap<string, string>,
  read: ReadState,
): Promise<DesiredState> {
  const leader = follows === undefined ? undefined : accepted.get(follows)
  return leader === undefined || leader === head.revision ? head : ((await read(leader)) ?? head)
}

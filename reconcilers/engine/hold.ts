import { randomBytes } from 'node:crypto'
import type { DesiredState } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { alteration } from './blast-cap.ts'
import { digest } from './digest.ts'
import type { AnyReconciler } from './reconciler.ts'
import type { HeldKind, Hold } from './status.ts'

/** Twelve digits that whoever writes the commit can neither foresee nor aim at. */
export const newHoldId = (): string => randomBytes(6).toString('hex')

export type ReadState = (revision: string) => Promise<DesiredState | undefined>

export interface HoldContext {
  readonly reconcilers: readonly AnyReconciler[]
  /** Accepted commit by kind. */
  readonly accepted: ReadonlyMap<string, string>
  readonly read: ReadState
  readonly clock: Clock
}

interface Part {
  readonly held: HeldKind
  /** Every item before and after, whole: what an approval binds to. */
  readonly substance: readonly unknown[]
}

/** Whether a kind has a commit of its own; one that only follows another stands where that one stands. */
export const hasTarget = ({ follows, followed }: AnyReconciler): boolean => follows === undefined || followed !== undefined

/** What a move of one kind from one state to another needs an approval for; undefined when it needs none. Pure. */
export function requiredPart(reconciler: AnyReconciler, from: DesiredState, to: DesiredState): Part | undefined {
  if (!hasTarget(reconciler)) return undefined
  const { held, substance, excess } = compared(reconciler, reconciler.followed?.(from, to) ?? from, to)
  return excess === undefined ? undefined : { held: { ...held, reason: excess }, substance }
}

/**
 * All that waits for one approval when main is at this commit: each kind of which it takes too much away, from where that
 * kind stands, and what follows such a kind. It is known as a whole before any kind has looked at the world, so one
 * approval is enough. Bound to the commit and to everything that is shown; undefined when nothing is to be approved.
 */
export async function holdOf(to: DesiredState, context: HoldContext): Promise<Omit<Hold, 'id'> | undefined> {
  const required = new Map<string, Part>()
  for (const reconciler of context.reconcilers) {
    const from = await standing(reconciler.kind, to, context)
    const part = from && requiredPart(reconciler, from, to)
    if (part !== undefined) required.set(reconciler.kind, part)
  }
  if (required.size === 0) return undefined
  const parts: Part[] = []
  for (const reconciler of context.reconcilers) {
    const own = required.get(reconciler.kind)
    const along = await followingPart(reconciler, to, required, context)
    const part = own && along ? { ...along, held: { ...along.held, reason: along.excess ?? own.held.reason } } : (own ?? along)
    if (part !== undefined) parts.push(part)
  }
  return {
    digest: digest([to.revision, parts.map(({ held, substance }) => [held.kind, substance])]),
    revision: to.revision,
    reason: parts.flatMap(({ held }) => (held.reason === '' ? [] : [held.reason])).join('; '),
    kinds: parts.map(({ held }) => held),
    since: context.clock.now().toISOString(),
  }
}

/** The state that a kind stands at; undefined when it never stood anywhere, stands at this commit, or cannot be read. */
async function standing(kind: string, to: DesiredState, { accepted, read }: HoldContext): Promise<DesiredState | undefined> {
  const at = accepted.get(kind)
  return at === undefined || at === to.revision ? undefined : read(at)
}

/** What goes along with a held kind, all of it: it is let through with that one, so it is shown with it. */
async function followingPart(
  reconciler: AnyReconciler,
  to: DesiredState,
  required: ReadonlyMap<string, Part>,
  context: HoldContext,
): Promise<Compared | undefined> {
  const { kind, follows } = reconciler
  if (follows === undefined || !required.has(follows)) return undefined
  const from = await standing(hasTarget(reconciler) ? kind : follows, to, context)
  if (from === undefined) return undefined
  const all = compared(reconciler, from, to)
  return all.held.changes.length === 0 ? undefined : { ...all, held: { ...all.held, follows } }
}

interface Compared extends Part {
  /** Why all that differs needs an approval; undefined when it does not. */
  readonly excess: string | undefined
}

function compared(reconciler: AnyReconciler, from: DesiredState, to: DesiredState): Compared {
  const [before, after] = [reconciler.select(from), reconciler.select(to)]
  const { changes, excess } = alteration(reconciler, before, after)
  return {
    held: { kind: reconciler.kind, reason: '', changes },
    substance: changes.map(({ operation, key }) => [operation, key, before.get(key) ?? null, after.get(key) ?? null]),
    excess,
  }
}

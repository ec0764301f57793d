import type { DesiredState } from '../../desired-state/state.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import { cleaned } from './clean.ts'
import { type HoldContext, hasTarget, holdOf, type ReadState, requiredPart } from './hold.ts'
import type { EndedHold, Journal } from './journal.ts'
import type { AnyReconciler } from './reconciler.ts'
import type { Approval, HeldKind, Hold } from './status.ts'

export interface Target {
  /** What the kind converges to: the head of main, or the last accepted commit while the head is held. */
  readonly state: DesiredState
  /** What of the kind is held, and under which ID. */
  readonly held: { readonly id: string; readonly kind: HeldKind } | undefined
}

export interface TargetDependencies extends Omit<HoldContext, 'accepted'> {
  readonly journal: Pick<Journal, 'accept' | 'hold' | 'approve' | 'endedHold'>
  /** Accepted commit by kind; moved here and nowhere else. */
  readonly accepted: Map<string, string>
  /** The newest valid state of main. */
  readonly head: () => DesiredState | undefined
  /** The commit of main, valid or not. */
  readonly main: () => string | undefined
  readonly redact: (text: string) => string
  /** An ID for what is held from now on. */
  readonly newId: () => string
  /** How a person calls the command line. */
  readonly command: string
  readonly events: {
    /** A kind stands at another commit from now on. */
    readonly moved: (kind: string) => void
    /** `again`: of a commit that was held under another ID before. */
    readonly held: (hold: Hold, again: boolean) => void
    /** All kinds of it have moved. */
    readonly approved: (hold: Hold, by: string) => void
    /** Whoever approved it was told that it failed, and it did not: nobody else writes it down. */
    readonly unanswered: (hold: Hold) => void
  }
}

/** Where each kind goes, and what waits for an approval instead. */
export interface Targets {
  held(): Hold | undefined
  choose(reconciler: AnyReconciler, head: DesiredState): Promise<Target>
  /** Main has moved: what was held for another commit is held no more. */
  look(): Promise<void>
  /** With a digest: only when it is that of what is held. */
  approve(id: string, by: string, digest?: string): Promise<Approval>
}

/** Everything that moves a target or ends a hold runs here, one after the other, so that none decides on what was. */
export function createTargets(dependencies: TargetDependencies, found: Hold | undefined): Targets {
  const { journal, accepted, read, redact, events } = dependencies
  const next = oneAtATime()
  let current = found
  /** Who approved it, while nobody knows whether that was written: the database did not answer. */
  let doubtful: { readonly hold: Hold; readonly by: string } | undefined

  /** What is held now, written down when it is something else than before. */
  const refresh = async (head: DesiredState): Promise<void> => {
    const whole = await holdOf(head, dependencies)
    if (whole?.digest === current?.digest) return
    const shown = whole && cleaned(whole, redact)
    const before = current
    const same = before !== undefined && Bun.deepEquals(shown?.kinds, before.kinds)
    const hold = shown && { ...shown, id: dependencies.newId(), since: same ? before.since : shown.since }
    await journal.hold(hold)
    current = hold
    if (hold !== undefined) events.held(hold, before?.revision === hold.revision)
  }

  const moveTo = (kind: string, revision: string): void => {
    if (accepted.get(kind) === revision) return
    accepted.set(kind, revision)
    events.moved(kind)
  }

  /** Four cases: nothing to compare with (the first convergence, or a last commit that this version cannot read) is
   * accepted; the same commit stays; a move within the blast cap is accepted; any other one is held, and the kind stays at
   * its last accepted commit until an approval moves it. */
  const choose = async (reconciler: AnyReconciler, head: DesiredState): Promise<Target> => {
    if (dependencies.head()?.revision !== head.revision) throw new Error(`superseded: ${head.revision} is main no more`)
    await clearDoubt()
    if (current !== undefined && current.revision !== head.revision) await refresh(head)
    const wanted = await wantedState(reconciler, head, accepted, read)
    const from = accepted.get(reconciler.kind)
    if (!hasTarget(reconciler) || from === wanted.revision) return { state: wanted, held: undefined }
    const last = from === undefined ? undefined : await read(from)
    if (last === undefined || requiredPart(reconciler, last, wanted) === undefined) {
      await journal.accept(reconciler.kind, wanted.revision)
      moveTo(reconciler.kind, wanted.revision)
      if (current !== undefined) await refresh(head)
      return { state: wanted, held: undefined }
    }
    const part = () => current?.kinds.find(({ kind, reason }) => kind === reconciler.kind && reason !== '')
    if (part() === undefined) await refresh(head)
    const kind = part()
    return {
      state: reconciler.followed?.(last, wanted) ?? last,
      held: kind && current ? { id: current.id, kind } : undefined,
    }
  }

  const kindsOf = ({ kinds }: Hold): string[] =>
    dependencies.reconcilers
      .filter(reconciler => hasTarget(reconciler) && kinds.some(({ kind }) => kind === reconciler.kind))
      .map(({ kind }) => kind)

  const letThrough = (hold: Hold, by: string): void => {
    current = undefined
    for (const kind of kindsOf(hold)) moveTo(kind, hold.revision)
    events.approved(hold, by)
  }

  const clearDoubt = async (): Promise<void> => {
    if (doubtful === undefined) return
    const { hold, by } = doubtful
    const ended = await journal.endedHold(hold.id)
    doubtful = undefined
    if (ended?.approvedBy === undefined) return
    letThrough(hold, by)
    events.unanswered(hold)
  }

  const approve = async (id: string, by: string, digest: string | undefined): Promise<Approval> => {
    await clearDoubt()
    const head = dependencies.head()
    // Whatever has moved since it was shown makes another hold of it, with another ID.
    if (head !== undefined) await refresh(head)
    const hold = current
    const asked = hold?.id === id && hold.revision === dependencies.main() && (digest ?? hold.digest) === hold.digest
    if (hold === undefined || !asked) return refusal(id, await journal.endedHold(id), hold, dependencies)
    doubtful = { hold, by }
    if (!(await journal.approve(hold, kindsOf(hold), by))) throw new Error(`${id} is held, and is not in the journal`)
    doubtful = undefined
    letThrough(hold, by)
    return { outcome: 'approved', hold }
  }

  return {
    held: () => current,
    choose: (reconciler, head) => next(() => choose(reconciler, head)),
    look: () =>
      next(async () => {
        await clearDoubt()
        const head = dependencies.head()
        if (head !== undefined && current !== undefined) await refresh(head)
      }),
    approve: (id, by, digest) => next(() => approve(id, by, digest)),
  }
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

/** Why an ID lets nothing through, in words that say what to do instead. */
function refusal(
  id: string,
  ended: EndedHold | undefined,
  now: Hold | undefined,
  { main, command }: Pick<TargetDependencies, 'main' | 'command'>,
): Approval {
  const none = `nothing is held under ${id}`
  const hint = now === undefined ? 'nothing is held now' : `look at what is held now, then run: ${command} approve ${now.id}`
  const short = (revision: string | undefined) => revision?.slice(0, 8) ?? ''
  if (ended?.approvedBy !== undefined) {
    const message = `${none} any more: ${ended.approvedBy} approved it at ${ended.endedAt.toISOString().slice(0, 16)}Z`
    return { outcome: 'already-approved', message, hint: now === undefined ? 'an approval serves once' : hint }
  }
  if (now?.id === id && now.revision === main())
    return { outcome: 'replaced', message: `what is held under ${id} is not what was shown`, hint }
  if (now?.id === id) {
    const message = `${id} is of ${short(now.revision)}, and main has moved to ${short(main())}, which cannot be read`
    return { outcome: 'replaced', message, hint: 'push a commit that can be read' }
  }
  if (ended === undefined)
    return { outcome: 'unknown', message: none, hint: now === undefined ? 'the verb status lists what is held' : hint }
  const why =
    ended.revision === now?.revision
      ? `${short(ended.revision)} would do something else by now than was shown under it`
      : `it was of ${short(ended.revision)}, and main has moved to ${short(main())}`
  return { outcome: 'replaced', message: `${none} any more: ${why}`, hint }
}

import { backoff } from '../../runtime/os/backoff.ts'
import { explain } from '../../runtime/os/errors.ts'
import { converge, type Unfinished } from './convergence.ts'
import { type Core, suspensionOf } from './core.ts'
import type { AnyReconciler } from './reconciler.ts'
import type { Trigger } from './status.ts'
import { createTriggers } from './trigger.ts'

/** Keeps one kind converged, for as long as the engine runs. */
export interface KindLoop {
  readonly kind: string
  /** The kind that it goes with, if any. */
  readonly follows: string | undefined
  wake(trigger: Trigger): void
  /** It, or the kind that it follows, goes to another commit: what it planned and settled at counts no more. */
  unsettle(): void
  /** Stops waits and retries that serve another commit than this one. */
  supersede(revision: string): void
  /** The commit at which a whole convergence last ended with nothing under way. */
  settledAt(): string | undefined
  /** The commit for which it has looked at the world several times in vain; it goes on trying. */
  blindAt(): string | undefined
  /** The commit that it was last accepted or held at with a plan of which everything is told. */
  plannedAt(): string | undefined
  run(signal: AbortSignal): Promise<void>
}

export interface LoopEvents {
  readonly settled: (kind: string) => void
  readonly planned: () => void
  /** Resolves when these kinds have settled at the commit. */
  readonly dependencies: (kinds: readonly string[], revision: string, signal: AbortSignal) => Promise<void>
  /** Resolves when this kind has planned for the commit. */
  readonly leader: (kind: string, revision: string, signal: AbortSignal) => Promise<void>
}

export function createKindLoop(reconciler: AnyReconciler, core: Core, events: LoopEvents): KindLoop {
  const { kind } = reconciler
  const triggers = createTriggers(core.clock)
  const unfinished: Unfinished = { applied: new Map(), inFlight: new Map() }
  const stops = new Map<string, AbortController>()
  let settledAt: string | undefined
  let plannedAt: string | undefined
  let blind: { readonly revision: string; readonly tries: number; readonly until: Date; readonly trigger: Trigger } | undefined

  const stopFor = (revision: string): AbortController => {
    const stop = stops.get(revision) ?? new AbortController()
    stops.set(revision, stop)
    return stop
  }

  const once = async (trigger: Trigger, stopped: AbortSignal): Promise<void> => {
    const head = core.head()
    if (head === undefined) return
    const signal = AbortSignal.any([stopFor(head.revision).signal, stopped])
    try {
      await untilBegin(reconciler, head.revision, signal, events)
      const target = await core.targets.choose(reconciler, head)
      const standing = whereItStands(reconciler, core)
      /** An approval sends the kind on while it still is at work where it was held. */
      const isPast = () => whereItStands(reconciler, core) !== standing
      // An approval in between has sent on what this kind stands on as well.
      const settled = await untilBegin(reconciler, head.revision, signal, events)
      if (isPast()) return
      const planned = () => {
        if (plannedAt === head.revision || isPast()) return
        plannedAt = head.revision
        events.planned()
      }
      const wake = () => triggers.wake('watch')
      await converge({ reconciler, core, target, trigger, signal, unfinished, wake, planned, settled })
      blind = undefined
      if (unfinished.inFlight.size + unfinished.applied.size > 0 || signal.aborted || isPast()) return
      settledAt = head.revision
      events.settled(kind)
    } catch (error) {
      if (signal.aborted) return
      const tries = (blind?.tries ?? 0) + 1
      const wait = backoff(blindWaits, tries, core.random())
      blind = { revision: head.revision, tries, until: new Date(core.clock.now().getTime() + wait), trigger }
      await showBlindness(kind, error, core)
      if (tries >= enoughTries) events.settled(kind)
    }
  }

  return {
    kind,
    follows: reconciler.follows,
    wake: triggers.wake,
    unsettle() {
      settledAt = undefined
      plannedAt = undefined
    },
    settledAt: () => settledAt,
    plannedAt: () => plannedAt,
    blindAt: () => (blind !== undefined && blind.tries >= enoughTries ? blind.revision : undefined),
    supersede(revision) {
      for (const [other, stop] of stops) {
        if (other === revision) continue
        stop.abort(new Error(`superseded by ${revision}`))
        stops.delete(other)
      }
    },
    async run(signal) {
      let trigger: Trigger | undefined = 'start'
      while (trigger !== undefined) {
        await once(trigger, signal)
        const deadline = blind === undefined ? nextLook(kind, core, unfinished) : { at: blind.until, trigger: blind.trigger }
        trigger = await triggers.next(deadline, signal)
      }
      await Promise.allSettled(unfinished.inFlight.values())
    },
  }
}

/** When what it stands on has settled; a kind that begins ahead waits for its leader's plan alone, and gets how to await the rest. */
async function untilBegin(
  { ahead, after, follows }: AnyReconciler,
  revision: string,
  signal: AbortSignal,
  { dependencies, leader }: LoopEvents,
): Promise<(() => Promise<void>) | undefined> {
  if (!ahead || follows === undefined) {
    await dependencies(after, revision, signal)
    return undefined
  }
  await leader(follows, revision, signal)
  return () => dependencies(after, revision, signal)
}

/** Looks in vain after which nobody is kept waiting for a result. */
const enoughTries = 3
const blindWaits = { first: 1_000, longest: 5_000 }

/** The next retry, expiry of a suspension, or periodic look, whichever is first. */
function nextLook(kind: string, core: Core, unfinished: Unfinished): { at: Date; trigger: Trigger } {
  const now = core.clock.now().getTime()
  const look = now + core.lookInterval() * 1_000 * (0.9 + core.random() / 5)
  const retries = [...core.retries.values()]
    .filter(
      retry => retry.kind === kind && !unfinished.inFlight.has(retry.key) && suspensionOf(core, kind, retry.key) === undefined,
    )
    .map(retry => retry.nextAt.getTime())
  const expiries = [...core.suspensions.values()]
    .filter(suspension => suspension.kind === kind)
    .map(suspension => new Date(suspension.until).getTime())
    .filter(until => until > now)
  const soonest = Math.min(look, ...retries, ...expiries)
  return { at: new Date(soonest), trigger: retries.includes(soonest) ? 'retry' : 'drift' }
}

/** The commits that say what the kind is to be. */
const whereItStands = ({ kind, follows }: AnyReconciler, { accepted }: Core): string =>
  `${accepted.get(kind) ?? ''} ${follows === undefined ? '' : (accepted.get(follows) ?? '')}`

/** The world could not be seen: nothing of the kind may be called ready. */
async function showBlindness(kind: string, error: unknown, core: Core): Promise<void> {
  const message = explain(error)
  core.log.warn('look failed', { kind, error: message })
  for (const key of core.board.keys(kind)) core.board.set(kind, key, { state: 'waiting', reason: 'unseen', message })
  await core.board.flush().catch(cause => core.log.warn('status not saved', { kind, error: explain(cause) }))
}

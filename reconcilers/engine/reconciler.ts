import type { DesiredState } from '../../desired-state/state.ts'

export type Operation = 'create' | 'update' | 'replace' | 'delete'

/** One step towards the desired state. Data only: it is stored, shown, and approved by its digest. */
export interface Change<Action> {
  readonly kind: string
  readonly key: string
  readonly operation: Operation
  /** One line for a person, without the key: `serve www/blog`, `reload the prompt`. */
  readonly summary: string
  /** What differs, for a person; never a secret. */
  readonly fields: readonly FieldChange[]
  readonly action: Action
}

export interface FieldChange {
  readonly name: string
  readonly before: string
  readonly after: string
}

/**
 * A resource that no change of ours will make ready: an upstream name that does not resolve, a missing key; `failed` for
 * what is tried again elsewhere, like a backup; `reconciling` for what is done here and on its way elsewhere, so that who
 * waits for the whole waits for it, and kinds that come after this one do not.
 */
export interface Obstacle {
  readonly key: string
  readonly state: 'waiting' | 'stalled' | 'failed' | 'reconciling'
  /** One stable word for programs: `upstream-unresolved`. */
  readonly reason: string
  /** A sentence for a person: what it waits for, and what to do. */
  readonly message: string
}

export interface Plan<Action> {
  readonly changes: readonly Change<Action>[]
  readonly obstacles: readonly Obstacle[]
  /** What to say of resources that are ready, by key; a key that is absent has nothing to say. */
  readonly notes?: ReadonlyMap<string, string>
  /** Resources for which it is high time, by key: it is said before all else, whatever keeps them from being ready. */
  readonly urgent?: ReadonlyMap<string, Urgency>
  /** What could not be looked at, and why, by what a person calls it: a preview has no other word for it. */
  readonly unseen?: ReadonlyMap<string, string>
}

export interface Urgency {
  /** One stable word for programs, in place of the one for what is in the way: `ends-within-7-days`. */
  readonly reason: string
  /** What a person reads first, then what is in the way: `it ends in 6 days, and is not renewed yet`. */
  readonly message: string
}

/** Where an apply stands; called before and after everything that has an effect, so that a crash leaves a trace. */
export type Step = (name: string) => Promise<void>

export interface ApplyContext {
  readonly signal: AbortSignal
  readonly step: Step
  /** A word of progress for the person who watches: `draining, 12 s left`. */
  readonly progress: (key: string, message: string) => void
  /**
   * Only there for an apply that began `ahead`: resolves when the kinds of `after` have settled at the commit, however they
   * fared, and rejects when a newer one takes over.
   */
  readonly settled?: () => Promise<void>
}

/**
 * What the world is looked at for. `preview`: a commit that is not main, or not yet. Nothing may follow from it, and no secret
 * goes anywhere that main has not sent it to: it is asked for as a preview too.
 */
export type Look = 'main' | 'preview'

/** How the batch went for one change. */
export type Outcome = { readonly key: string; readonly error?: Error }

/**
 * Keeps one kind of resource as declared.
 *
 * - `select` and `plan` are pure; two calls with the same input give the same output, in the same order.
 * - `observe` reads the world and never changes it. It throws only when nothing of the kind can be seen at all.
 * - `apply` is idempotent: it may be killed anywhere and run again. It throws an ApplianceError on failure. Changes of
 *   different keys are applied at the same time, those of one key one after the other.
 * - After a successful apply, observing and planning again gives no change for that key. The engine checks.
 * - Only what carries our mark is changed or removed; a foreign thing in the way is an obstacle, `stalled`.
 */
export interface Reconciler<Item, Observed, Action> {
  /** `site`, `agent`, `dns-record`, … */
  readonly kind: string
  /** Kinds that must have settled at the same revision before this one starts. */
  readonly after: readonly string[]
  /**
   * Another kind that this one belongs to: it goes where that one goes, also while that one is held, and has no cap of its
   * own. Needs to be in `after` as well.
   */
  readonly follows?: string
  /**
   * With `follows`: `from`, with what the other kind is declared by as `to` has it. What differs beyond that is nobody
   * else's change, and has the cap of any kind. Without it nothing of this kind is ever capped.
   */
  followed?(from: DesiredState, to: DesiredState): DesiredState
  /**
   * With `follows`: begins once that kind has been accepted at the commit and planned for it, while it and the others of
   * `after` are still being made. What `apply` does before it has awaited `settled` of its context must cost nobody anything
   * when they never come.
   */
  readonly ahead?: true
  select(state: DesiredState): ReadonlyMap<string, Item>
  observe(desired: ReadonlyMap<string, Item>, signal: AbortSignal, look?: Look): Promise<Observed>
  plan(desired: ReadonlyMap<string, Item>, observed: Observed): Plan<Action>
  apply(change: Change<Action>, context: ApplyContext): Promise<void>
  /** Instead of one `apply` for each change, where one effect serves them all (a single reload of nginx). */
  applyBatch?(changes: readonly Change<Action>[], context: ApplyContext): Promise<readonly Outcome[]>
  /**
   * Does ahead what `apply` of these changes can find ready, while somebody waits for another reason. Changes nothing
   * that runs, is never needed, and may be for changes that never come.
   */
  rehearse?(changes: readonly Change<Action>[], signal: AbortSignal): Promise<void>
  /**
   * How much a commit alters an item that stays: `redefine` counts for the blast cap, `adjust` does not.
   * Default: whatever differs is a redefinition.
   */
  weigh?(before: Item, after: Item): 'redefine' | 'adjust'
  /** What an item is a part of, like the zone of a record: the cap holds within each of these as well. */
  scope?(item: Item): string
  /** Items whose removal always needs an approval (the portal's own site). */
  precious?(item: Item): boolean
  /** Why a commit needs an approval for what it adds, such as somebody new who gets what is kept here; undefined: it needs none. */
  exposes?(before: ReadonlyMap<string, Item>, after: ReadonlyMap<string, Item>): string | undefined
  /** Calls `wake` when something happened that is worth a look before the next periodic one. Returns how to stop. */
  watch?(wake: (reason: string) => void): () => void
}

// biome-ignore lint/suspicious/noExplicitAny: the registry holds reconcilers of different kinds; each is checked where it is built
export type AnyReconciler = Reconciler<any, any, any>

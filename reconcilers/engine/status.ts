import type { DesiredState } from '../../desired-state/state.ts'
import type { Change, FieldChange, Operation } from './reconciler.ts'

export type ResourceState = 'ready' | 'reconciling' | 'waiting' | 'held' | 'stalled' | 'failed' | 'suspended'

/** How one resource stands. `ready` is said only after the world was looked at. */
export interface ResourceStatus {
  readonly kind: string
  readonly key: string
  readonly state: ResourceState
  /** One stable word, empty when ready. */
  readonly reason: string
  readonly message: string
  /** The commit it was last verified at. */
  readonly revision: string
  /** ISO 8601; when it entered this state. */
  readonly since: string
}

export interface Status {
  /** The commit that is applied and verified; empty before the first. */
  readonly revision: string
  /** The head of main. */
  readonly desired: string
  /** Every resource is ready or suspended, at the head of main. */
  readonly converged: boolean
  readonly resources: readonly ResourceStatus[]
}

export type Trigger = 'commit' | 'drift' | 'retry' | 'start' | 'approval' | 'resume' | 'watch'

/** One convergence of one resource, kept for its last 50. */
export interface Run {
  readonly id: string
  readonly kind: string
  readonly key: string
  readonly revision: string
  readonly trigger: Trigger
  readonly operation: Operation
  readonly summary: string
  readonly startedAt: string
  readonly milliseconds: number
  readonly outcome: 'running' | 'verified' | 'failed' | 'superseded' | 'interrupted'
  readonly message: string
}

/** A change as others see it: without the reconciler's own action. */
export type PlannedChange = Omit<Change<unknown>, 'action'>

export interface RevisionPlan {
  readonly revision: string
  /** SHA-256 over all that would be done; an approval binds to it. */
  readonly digest: string
  readonly changes: readonly PlannedChange[]
  /** At most one. */
  readonly holds: readonly Hold[]
  /** What could not be seen, so that its changes are not known yet: a part of a kind, or without a key all of it. */
  readonly unseen: readonly { readonly kind: string; readonly key?: string | undefined; readonly message: string }[]
  /** Changes that would be made, were their resources not suspended. */
  readonly leftAlone: readonly { readonly kind: string; readonly key: string; readonly until: string }[]
  /** Kinds with changes that follow a held kind, and wait with it. */
  readonly waits: readonly { readonly kind: string; readonly for: string }[]
}

/** What a commit does to one kind, and waits with it for the approval of that commit. */
export interface HeldKind {
  readonly kind: string
  /** Why it needs an approval; empty for what needs none and goes with a kind that does. */
  readonly reason: string
  /** The held kind that this one goes with. */
  readonly follows?: string
  readonly changes: readonly {
    readonly key: string
    readonly operation: 'create' | 'update' | 'delete'
    readonly fields: readonly FieldChange[]
  }[]
}

/** A commit that waits for one approval, for all that it takes away in every kind. */
export interface Hold {
  /** What `approve` takes: given when the commit is held, and never again. Empty in a plan of what is not held. */
  readonly id: string
  /** Over the commit and everything that is shown of it. */
  readonly digest: string
  readonly revision: string
  /** The reasons of all kinds. */
  readonly reason: string
  readonly kinds: readonly HeldKind[]
  readonly since: string
}

/** What became of an approval. */
export type Approval =
  | { readonly outcome: 'approved'; readonly hold: Hold }
  | {
      /** `replaced`: what is held by now is something else, or nothing; `unknown`: it never was. */
      readonly outcome: 'already-approved' | 'replaced' | 'unknown'
      /** A sentence for the person. */
      readonly message: string
      readonly hint: string
    }

export interface Suspension {
  readonly kind: string
  readonly key: string
  readonly reason: string
  readonly owner: string
  /** ISO 8601. */
  readonly until: string
}

export type EngineEvent =
  | { readonly type: 'status'; readonly resource: ResourceStatus }
  | { readonly type: 'removed'; readonly kind: string; readonly key: string }
  | { readonly type: 'change'; readonly revision: string; readonly change: PlannedChange; readonly phase: 'started' }
  | {
      readonly type: 'progress'
      readonly revision: string
      readonly kind: string
      readonly key: string
      readonly message: string
    }
  | {
      readonly type: 'change'
      readonly revision: string
      readonly change: PlannedChange
      /** `waiting`: it did not work yet, for want of something outside that its status names. */
      readonly phase: 'verified' | 'failed' | 'waiting'
      readonly milliseconds: number
      readonly message: string
    }
  | { readonly type: 'held'; readonly hold: Hold }
  | { readonly type: 'settled'; readonly revision: string; readonly status: Status }
  | { readonly type: 'superseded'; readonly revision: string; readonly by: string }

/** The events of one commit, for who comes after they began. */
export interface Story {
  /** When the engine saw the commit; undefined when it is not main. */
  readonly since: Date | undefined
  readonly events: readonly EngineEvent[]
}

/** `push`: it is about to be applied, so that what can be done ahead of that is begun. Default `preview`. */
export type PlanPurpose = 'preview' | 'push'

/** What the portal, the API and the hooks may ask of the engine. */
export interface Engine {
  status(): Status
  resource(kind: string, key: string): ResourceStatus | undefined
  runs(kind: string, key: string): Promise<readonly Run[]>
  /** What converging to this state would do now. Changes nothing. */
  plan(state: DesiredState, purpose?: PlanPurpose): Promise<RevisionPlan>
  /** At most one: that of main. */
  holds(): readonly Hold[]
  /**
   * Lets through, once, what is held under this ID at this moment, in every kind; anything else is left as it is. With the
   * digest of what was shown, also that must be what is held.
   */
  approve(holdId: string, by: string, digest?: string): Promise<Approval>
  suspensions(): readonly Suspension[]
  suspend(suspension: Suspension): Promise<void>
  resume(kind: string, key: string): Promise<boolean>
  /** The head of main has moved: converge to it. Returns at once. */
  moved(): void
  /** Looks again soon; an empty key means the whole kind. */
  wake(kind: string, reason: string): void
  /** Until the appliance has settled at this revision, a newer one took over, or the signal aborts. */
  settled(revision: string, signal: AbortSignal): Promise<Status>
  subscribe(listener: (event: EngineEvent) => void): () => void
  /** What has happened for this commit since it became main; nothing once it no longer is. */
  story(revision: string): Story
}

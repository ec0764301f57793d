import { type Core, resourceId, suspensionOf } from './core.ts'
import { digest } from './digest.ts'
import { DidNotConverge, isDue, retryAfter } from './failure.ts'
import type { Intent, Retry } from './journal.ts'
import type { AnyReconciler, ApplyContext, Change, Plan } from './reconciler.ts'
import type { PlannedChange, Trigger } from './status.ts'
import type { Target } from './target.ts'

/** Milliseconds that changes may take before the others of their kind stop waiting for them. */
const patience = 2_000
const atOnce = 8

/**
 * Changes of one kind between intent and verification. They outlive a single convergence: a drain of two minutes does
 * not keep the kind's other resources from healing.
 */
export interface Unfinished {
  /** Applied, not yet verified. */
  readonly applied: Map<string, readonly Intent[]>
  /** Still being applied. */
  readonly inFlight: Map<string, Promise<void>>
}

/** Whether a resource is being changed, or was and nobody has looked since. */
export const isUnderWay = ({ applied, inFlight }: Unfinished, key: string): boolean => inFlight.has(key) || applied.has(key)

export interface Convergence {
  readonly reconciler: AnyReconciler
  readonly core: Core
  readonly target: Target
  readonly trigger: Trigger
  readonly signal: AbortSignal
  readonly unfinished: Unfinished
  /** Something finished after the convergence that started it had ended. */
  readonly wake: () => void
  /** What is to be done is on the board. */
  readonly planned: () => void
  /** See `ApplyContext`. */
  readonly settled: ApplyContext['settled'] | undefined
}

/**
 * Observe, plan, apply, and again until a look finds nothing left to do: what was applied counts as verified only then.
 * A change that fails, or is still needed after it was applied, waits for its retry.
 */
export async function converge(convergence: Convergence): Promise<void> {
  const { reconciler, core, target, signal, unfinished } = convergence
  const desired = reconciler.select(target.state)
  for (;;) {
    signal.throwIfAborted()
    const observed = await reconciler.observe(desired, signal)
    const plan = reconciler.plan(desired, observed)
    core.board.urge(reconciler.kind, plan.urgent ?? new Map())
    await verify(convergence, plan)
    const due = dueChanges(convergence, plan)
    if (due.length === 0) return conclude(convergence, desired, plan)
    const intents = await core.journal.intend(
      due.map(change => ({ change, digest: digest(change) })),
      target.state.revision,
      convergence.trigger,
      core.clock.now(),
    )
    announce(convergence, intents)
    convergence.planned()
    await (reconciler.applyBatch ? applyTogether(convergence, intents) : applyEach(convergence, intents))
    if (unfinished.applied.size === 0 && unfinished.inFlight.size > 0) return conclude(convergence, desired, plan)
  }
}

async function verify({ reconciler, core, target, unfinished }: Convergence, plan: Plan<unknown>): Promise<void> {
  const left = new Map(plan.changes.map(change => [change.key, change.summary]))
  const verified: Intent[] = []
  for (const [key, intents] of unfinished.applied) {
    const summary = left.get(key)
    if (summary === undefined) {
      verified.push(...intents)
      core.retries.delete(resourceId(reconciler.kind, key))
    } else {
      const last = intents.at(-1)
      // What a newer commit still wants says nothing about what an older one had done.
      if (last !== undefined && last.revision !== target.state.revision) await supersede(core, intents)
      else if (last !== undefined) await fail(core, target.state.revision, intents, last, new DidNotConverge(summary))
    }
  }
  unfinished.applied.clear()
  if (verified.length === 0) return
  const now = core.clock.now()
  await core.journal.ended(
    verified.map(intent => intent.id),
    'verified',
    '',
    now,
  )
  for (const intent of verified) {
    await core.journal.clearRetry(reconciler.kind, intent.change.key)
    const milliseconds = now.getTime() - intent.startedAt.getTime()
    const message = plan.notes?.get(intent.change.key) ?? ''
    core.emit({
      type: 'change',
      revision: target.state.revision,
      change: planned(intent.change),
      phase: 'verified',
      milliseconds,
      message,
    })
  }
}

/** Changes that may be made now: not suspended, not under way, and not waiting for the retry of this very change. */
function dueChanges({ reconciler, core, unfinished }: Convergence, plan: Plan<unknown>): Change<unknown>[] {
  const now = core.clock.now()
  return plan.changes.filter(change => {
    if (suspensionOf(core, reconciler.kind, change.key) !== undefined || unfinished.inFlight.has(change.key)) return false
    const retry = core.retries.get(resourceId(reconciler.kind, change.key))
    return retry === undefined || isDue(retry, now) || retry.digest !== digest(change)
  })
}

function announce({ core, target }: Convergence, intents: readonly Intent[]): void {
  for (const { change } of intents) {
    core.board.set(change.kind, change.key, { state: 'reconciling', reason: change.operation, message: change.summary })
    core.emit({ type: 'change', revision: target.state.revision, change: planned(change), phase: 'started' })
  }
}

async function applyTogether(convergence: Convergence, intents: readonly Intent[]): Promise<void> {
  const { reconciler, core, target, signal, unfinished } = convergence
  const byKey = Map.groupBy(intents, intent => intent.change.key)
  try {
    const outcomes = await reconciler.applyBatch?.(
      intents.map(intent => intent.change),
      applyContext(convergence),
    )
    for (const { key, error } of outcomes ?? []) {
      const group = byKey.get(key)
      const last = group?.at(-1)
      if (group === undefined || last === undefined) continue
      if (error === undefined) unfinished.applied.set(key, group)
      else await fail(core, target.state.revision, group, last, error)
    }
    await core.journal.applied(
      [...unfinished.applied.values()].flat().map(intent => intent.id),
      core.clock.now(),
    )
  } catch (error) {
    if (signal.aborted) return supersede(core, intents)
    for (const group of byKey.values()) {
      const last = group.at(-1)
      if (last !== undefined) await fail(core, target.state.revision, group, last, error)
    }
  }
}

/** Resources at the same time, the changes of one in order; those that take long are left to finish behind the others. */
async function applyEach(convergence: Convergence, intents: readonly Intent[]): Promise<void> {
  const { core, unfinished } = convergence
  let late = false
  for (const [key, group] of Map.groupBy(intents, intent => intent.change.key)) {
    while (unfinished.inFlight.size >= atOnce) await Promise.race(unfinished.inFlight.values())
    const work = applyGroup(convergence, key, group).finally(() => {
      unfinished.inFlight.delete(key)
      if (late) convergence.wake()
    })
    unfinished.inFlight.set(key, work)
  }
  const timer = new AbortController()
  await Promise.race([Promise.all(unfinished.inFlight.values()), core.clock.sleep(patience, timer.signal)])
  timer.abort()
  late = true
}

/** Never rejects: how it went is in `unfinished`, in the retries and in the journal. */
async function applyGroup(convergence: Convergence, key: string, group: readonly Intent[]): Promise<void> {
  const { reconciler, core, target, signal, unfinished } = convergence
  let current: Intent | undefined
  try {
    for (const intent of group) {
      current = intent
      await reconciler.apply(intent.change, applyContext(convergence))
    }
    await core.journal.applied(
      group.map(intent => intent.id),
      core.clock.now(),
    )
    unfinished.applied.set(key, group)
  } catch (error) {
    const ending = signal.aborted ? supersede(core, group) : current && fail(core, target.state.revision, group, current, error)
    await Promise.resolve(ending).catch(cause =>
      core.log.warn('outcome not journalled', { kind: reconciler.kind, key, error: String(cause) }),
    )
  }
}

async function supersede(core: Core, intents: readonly Intent[]): Promise<void> {
  const ids = intents.map(intent => intent.id)
  await core.journal.ended(ids, 'superseded', 'a newer commit took over', core.clock.now())
}

function applyContext({ reconciler, core, target, signal, settled }: Convergence): ApplyContext {
  return {
    signal,
    ...(settled === undefined ? {} : { settled }),
    step: async name => {
      await core.journal.step(reconciler.kind, name)
      core.onStep(reconciler.kind, name)
    },
    progress: (key, message) =>
      core.emit({ type: 'progress', revision: target.state.revision, kind: reconciler.kind, key, message }),
  }
}

/** Closes the runs of a resource whose change `intent`, one of its `group`, did not work, and sets its retry. */
async function fail(core: Core, revision: string, group: readonly Intent[], intent: Intent, error: unknown): Promise<void> {
  const { change } = intent
  const id = resourceId(change.kind, change.key)
  const now = core.clock.now()
  const retry = retryAfter(intent, error, core.retries.get(id), now, core.random())
  core.retries.set(id, retry)
  core.board.set(change.kind, change.key, standingOf(retry))
  const milliseconds = now.getTime() - intent.startedAt.getTime()
  const phase = retry.state === 'waiting' ? 'waiting' : 'failed'
  core.emit({ type: 'change', revision, change: planned(change), phase, milliseconds, message: retry.message })
  core.log.warn('change failed', { kind: change.kind, key: change.key, revision, attempts: retry.attempts, error: retry.message })
  await core.journal.ended(
    group.map(one => one.id),
    'failed',
    retry.message,
    now,
  )
  await core.journal.saveRetry(retry)
}

const standingOf = ({ state, reason, message }: Retry) => ({ state, reason, message })

/** Writes down how each resource stands after the last look, and forgets retries that nothing needs any more. */
async function conclude(convergence: Convergence, desired: ReadonlyMap<string, unknown>, plan: Plan<unknown>): Promise<void> {
  const { reconciler, core, unfinished } = convergence
  const changing = new Set(plan.changes.map(change => change.key))
  for (const [id, retry] of core.retries) {
    if (retry.kind !== reconciler.kind || changing.has(retry.key) || unfinished.inFlight.has(retry.key)) continue
    core.retries.delete(id)
    await core.journal.clearRetry(retry.kind, retry.key)
  }
  publish(convergence, desired, plan)
  convergence.planned()
  await core.board.flush()
}

function publish(convergence: Convergence, desired: ReadonlyMap<string, unknown>, plan: Plan<unknown>): void {
  const { reconciler, core, target, unfinished } = convergence
  const { kind } = reconciler
  core.board.arrange(kind, desired.keys())
  const changing = new Set(plan.changes.map(change => change.key))
  const obstacles = new Map(plan.obstacles.map(obstacle => [obstacle.key, obstacle]))
  const held = new Set(target.held?.kind.changes.map(change => change.key))
  const keys = new Set([...desired.keys(), ...changing, ...obstacles.keys(), ...held])
  for (const key of keys) {
    // What was applied while this look was under way is said to be ready by the next one.
    if (isUnderWay(unfinished, key)) continue
    const suspension = suspensionOf(core, kind, key)
    const retry = changing.has(key) ? core.retries.get(resourceId(kind, key)) : undefined
    const obstacle = obstacles.get(key)
    if (suspension !== undefined) {
      const message = `${suspension.reason} (by ${suspension.owner}, until ${suspension.until.slice(0, 16)}Z)`
      core.board.set(kind, key, { state: 'suspended', reason: 'suspended', message })
    } else if (target.held !== undefined && held.has(key)) {
      // It was approved while this look was under way: the next one says what comes of it.
      if (core.targets.held()?.id !== target.held.id) continue
      const message = `${target.held.kind.reason}; look at it, then run: ${core.command} approve ${target.held.id}`
      core.board.set(kind, key, { state: 'held', reason: 'blast-cap', message })
    } else if (retry !== undefined) {
      core.board.set(kind, key, standingOf(retry))
    } else if (obstacle !== undefined) {
      core.board.set(kind, key, { ...obstacle, revision: target.state.revision })
    } else {
      core.board.set(kind, key, {
        state: 'ready',
        reason: '',
        message: plan.notes?.get(key) ?? '',
        revision: target.state.revision,
      })
    }
  }
  for (const key of core.board.keys(kind)) if (!keys.has(key) && !isUnderWay(unfinished, key)) core.board.remove(kind, key)
}

export const planned = ({ action: _, ...change }: Change<unknown>): PlannedChange => change

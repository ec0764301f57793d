import type { Repository } from '../../desired-state/repository.ts'
import { type DesiredState, type ParseResult, printableLines, renderMistake } from '../../desired-state/state.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Log } from '../../runtime/os/log.ts'
import type { Store } from '../../runtime/store/store.ts'
import { type ApprovalAudit, auditApprovals } from './approval-audit.ts'
import { createBoard } from './board.ts'
import { cleaned } from './clean.ts'
import { type Core, resourceId } from './core.ts'
import { newHoldId } from './hold.ts'
import { type ApprovedHold, createJournal } from './journal.ts'
import { createKindLoop, type KindLoop } from './kind-loop.ts'
import { planRevision } from './preview.ts'
import type { AnyReconciler } from './reconciler.ts'
import type { Engine, EngineEvent, Hold, Status } from './status.ts'
import { createStory } from './story.ts'
import { createTargets } from './target.ts'

export interface EngineDependencies {
  readonly repository: Pick<Repository, 'head' | 'read' | 'isAncestor'>
  readonly reconcilers: readonly AnyReconciler[]
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
  /** How a person calls the command line, in messages that name a verb. */
  readonly command: string
  /** Where an approval is written down that the door could not. Default: nowhere. */
  readonly approvals?: ApprovalAudit
  /** Called after every journalled step. */
  readonly onStep?: (kind: string, name: string) => void
  /** Takes secrets out of everything that is shown or kept. Default: nothing is taken out. */
  readonly redact?: (text: string) => string
}

export interface RunningEngine extends Engine {
  /** The newest valid state of main; undefined before the first commit. */
  state(): DesiredState | undefined
  /** Looks at every kind soon, and what waits for a retry is tried again then: something that many need has come. */
  retryAll(reason: string): void
  /** Resolves when every loop has ended. */
  stop(): Promise<void>
}

/** Milliseconds between two looks at where main is. */
const lookForMain = 10_000

/** Loads what the last run left in the journal and starts one loop for each kind. */
export async function startEngine(dependencies: EngineDependencies): Promise<RunningEngine> {
  const { repository, reconcilers, clock, log } = dependencies
  const { redact: withoutSecrets = text => text } = dependencies
  // What servers elsewhere say is repeated on terminals.
  const redact = (text: string) => printableLines(withoutSecrets(text))
  const journal = createJournal(dependencies.store, redact)
  const listeners = new Set<(event: EngineEvent) => void>()
  const story = createStory(clock)
  const emit = (told: EngineEvent) => {
    // How all resources stand was cleaned when each of them was put on the board.
    const event = told.type === 'settled' ? told : cleaned(told, redact)
    story.add(event)
    for (const listener of listeners) {
      try {
        listener(event)
      } catch (error) {
        log.error('a listener failed', { event: event.type, error: explain(error) })
      }
    }
  }
  const interrupted = await journal.closeInterrupted()
  if (interrupted > 0) log.info('changes were interrupted', { count: interrupted })
  const [statuses, accepted, held, retries, suspensions, verified, unaudited] = await Promise.all([
    journal.statuses(),
    journal.targets(),
    journal.held(),
    journal.retries(),
    journal.suspensions(),
    journal.verifiedRevision(),
    journal.unaudited(),
  ])
  const known = new Set(reconcilers.map(reconciler => reconciler.kind))
  let head: DesiredState | undefined
  let main: string | undefined
  let verifiedRevision = verified
  const read = async (revision: string): Promise<DesiredState | undefined> => {
    const result = await repository.read(revision)
    return result.ok ? result.state : undefined
  }
  /** Nobody waits for it, also not who stops: what is not written down then is at the next start. */
  let writingDown: Promise<void> = Promise.resolve()
  const writeDown = (find: () => Promise<readonly ApprovedHold[]>): void => {
    const { approvals } = dependencies
    if (approvals === undefined) return
    writingDown = writingDown
      .then(async () => auditApprovals(journal, approvals, await find()))
      .catch(error => log.error('an approval is not in the audit yet', { error: explain(error) }))
  }
  // Those of a process that is no more; of this one none can be among them.
  writeDown(async () => unaudited)
  const core: Core = {
    journal,
    board: createBoard(
      journal,
      clock,
      emit,
      redact,
      statuses.filter(status => known.has(status.kind)),
    ),
    clock,
    log,
    random: dependencies.random,
    command: dependencies.command,
    emit,
    read,
    head: () => head,
    accepted,
    targets: createTargets(
      {
        ...{ reconcilers, journal, accepted, read, clock, redact, newId: newHoldId, command: dependencies.command },
        ...{ head: () => head, main: () => main },
        events: {
          moved: kind => turn(kind),
          held: (hold, again) => showHeld(hold, again),
          approved: (hold, by) => letThrough(hold, by),
          unanswered: ({ id }) => writeDown(async () => (await journal.unaudited()).filter(({ hold }) => hold.id === id)),
        },
      },
      held,
    ),
    retries: new Map(retries.map(retry => [resourceId(retry.kind, retry.key), retry])),
    suspensions: new Map(suspensions.map(suspension => [resourceId(suspension.kind, suspension.key), suspension])),
    lookInterval: () => head?.settings.look_interval_seconds ?? 30,
    onStep: dependencies.onStep ?? (() => {}),
    redact,
  }

  const status = (): Status => {
    const resources = core.board.list()
    const desired = main ?? ''
    const settled = desired === head?.revision && loops.every(loop => loop.settledAt() === desired)
    const calm = resources.every(resource => resource.state === 'ready' || resource.state === 'suspended')
    const converged = desired !== '' && settled && calm && core.targets.held() === undefined
    return { revision: converged ? desired : verifiedRevision, desired, converged, resources }
  }

  /** All kinds may have settled, and something of theirs be on its way elsewhere. */
  const isUnderWay = () => !core.board.every(({ state }) => state !== 'reconciling')

  const announceSettled = (): void => {
    const now = status()
    if (now.desired === '' || !loops.every(loop => loop.settledAt() === now.desired) || isUnderWay()) return
    const moves = now.converged && verifiedRevision !== now.desired
    if (moves) {
      verifiedRevision = now.desired
      journal.setVerifiedRevision(now.desired).catch(error => log.warn('verified revision not saved', { error: explain(error) }))
    }
    emit({ type: 'settled', revision: now.desired, status: moves ? { ...now, revision: now.desired } : now })
  }

  const settleWaits = new Set<() => void>()
  const onSettle = (look: () => void) => {
    settleWaits.add(look)
    return () => void settleWaits.delete(look)
  }
  const lookAgain = () => {
    for (const look of [...settleWaits]) look()
  }
  const loops: KindLoop[] = reconcilers.map(reconciler =>
    createKindLoop(reconciler, core, {
      settled: () => {
        lookAgain()
        announceSettled()
      },
      planned: lookAgain,
      dependencies: (kinds, revision, signal) =>
        until(signal, () => loops.filter(({ kind }) => kinds.includes(kind)).every(loop => isThrough(loop, revision)), onSettle),
      leader: (kind, revision, signal) => {
        const leads = (loop: KindLoop) => loop.plannedAt() === revision || isThrough(loop, revision)
        return until(signal, () => loops.filter(loop => loop.kind === kind).every(leads), onSettle)
      },
    }),
  )

  /** The kind goes to another commit, and what follows it with it. */
  const turn = (kind: string): void => {
    for (const loop of loops) {
      if (loop.kind === kind || loop.follows === kind) loop.unsettle()
      if (loop.follows === kind) loop.wake('watch')
    }
  }

  /** Said at once, so that who waits from now on does not take what was before for the result. */
  const underway = (kind: string, key: string, reason: string, message: string) =>
    core.board.set(kind, key, { state: 'reconciling', reason, message })

  const wakeKind = (kind: string, trigger: 'approval' | 'resume' | 'watch') =>
    loops.find(loop => loop.kind === kind)?.wake(trigger)

  const showHeld = (hold: Hold, again: boolean): void => {
    emit({ type: 'held', hold })
    // What its kinds say of it names the ID that it had.
    if (again) for (const { kind } of hold.kinds) wakeKind(kind, 'watch')
  }

  const letThrough = ({ id, revision, kinds }: Hold, by: string): void => {
    log.info('hold approved', { hold: id, revision, kinds: kinds.map(({ kind }) => kind), by })
    for (const { kind, changes } of kinds) {
      for (const { key } of changes) {
        if (core.board.get(kind, key)?.state !== 'suspended') underway(kind, key, 'approved', `approved by ${by}`)
      }
      wakeKind(kind, 'approval')
    }
  }

  const subscribe = (listener: (event: EngineEvent) => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const onChange = (look: () => void) => {
    const ends = [subscribe(look), onSettle(look)]
    return () => {
      for (const end of ends) end()
    }
  }

  const adoptHead = async (): Promise<void> => {
    const revision = await repository.head()
    if (revision === undefined || revision === main) return
    const result = await repository.read(revision)
    main = revision
    showReadable(core, revision, result)
    if (!result.ok) return
    const before = head?.revision
    head = result.state
    story.begin(revision)
    if (before !== undefined) emit({ type: 'superseded', revision: before, by: revision })
    for (const loop of loops) {
      loop.supersede(revision)
      loop.wake('commit')
    }
    // Main is read; the next look of any held kind finds out what became of this one.
    await core.targets.look().catch(error => log.warn('what is held cannot be looked at', { error: explain(error) }))
  }
  let adopting: Promise<void> = Promise.resolve()
  const moved = (): void => {
    adopting = adopting.then(adoptHead).catch(error => log.error('main cannot be read', { error: explain(error) }))
  }

  moved()
  await adopting
  const stopping = new AbortController()
  const running = loops.map(loop => loop.run(stopping.signal))
  const watches = reconcilers.map(reconciler =>
    reconciler.watch?.(reason => {
      log.debug('woken', { kind: reconciler.kind, reason })
      loops.find(loop => loop.kind === reconciler.kind)?.wake('watch')
    }),
  )
  const trim = () => void journal.trim().catch(error => log.warn('journal not trimmed', { error: explain(error) }))
  trim()
  const trimming = setInterval(trim, 3_600_000)
  // Whoever moves main says so; this finds what nobody could say, and reads again what could not be read.
  const looking = setInterval(moved, lookForMain)

  return {
    state: () => head,
    status,
    resource: core.board.get,
    runs: journal.lastRuns,
    plan: async (state, purpose = 'preview') => cleaned(await planRevision(reconcilers, core, state, purpose), redact),
    holds: () => [core.targets.held()].filter(hold => hold !== undefined),
    async approve(holdId, by, digest) {
      // Where main is by now decides, not where it was last seen.
      moved()
      await adopting
      if ((await repository.head()) !== main)
        throw new ApplianceError('waiting', 'main moves at this very moment', { hint: 'look at what is held, and approve that' })
      return core.targets.approve(holdId, by, digest)
    },
    suspensions: () => [...core.suspensions.values()].filter(suspension => new Date(suspension.until) > clock.now()),
    async suspend(suspension) {
      await journal.suspend(suspension)
      core.suspensions.set(resourceId(suspension.kind, suspension.key), suspension)
      wakeKind(suspension.kind, 'watch')
    },
    async resume(kind, key) {
      const ended = await journal.endSuspension(kind, key)
      core.suspensions.delete(resourceId(kind, key))
      if (core.board.get(kind, key)?.state === 'suspended') underway(kind, key, 'resumed', 'its suspension has ended')
      wakeKind(kind, 'resume')
      return ended
    },
    moved,
    story: story.of,
    wake: kind => wakeKind(kind, 'watch'),
    retryAll(reason) {
      log.info('everything is looked at again', { reason })
      const nextAt = clock.now()
      for (const [id, retry] of core.retries) core.retries.set(id, { ...retry, nextAt })
      for (const { kind, key, state } of core.board.list()) {
        if (known.has(kind) && ['waiting', 'stalled', 'failed'].includes(state)) underway(kind, key, 'retried', reason)
      }
      for (const loop of loops) loop.wake('watch')
    },
    async settled(revision, signal) {
      const reached = (): boolean => {
        const desired = head?.revision
        return (
          desired !== undefined &&
          passed.has(desired) &&
          loops.every(loop => loop.settledAt() === desired || loop.blindAt() === desired) &&
          !isUnderWay()
        )
      }
      const passed = new Set([revision])
      const follow = subscribe(event => {
        if (event.type === 'superseded' && passed.has(event.revision)) passed.add(event.by)
      })
      try {
        await adopting
        if (head !== undefined && (await repository.isAncestor(revision, head.revision))) passed.add(head.revision)
        await until(signal, reached, onChange)
      } finally {
        follow()
      }
      return status()
    },
    subscribe,
    async stop() {
      stopping.abort(new Error('the appliance stops'))
      clearInterval(trimming)
      clearInterval(looking)
      for (const stopWatching of watches) stopWatching?.()
      await Promise.all(running)
      await adopting
      await core.board.flush().catch(error => log.warn('status not saved', { error: explain(error) }))
    },
  }
}

/** A kind that cannot be seen keeps nobody waiting: what depends on it says itself what it lacks. */
const isThrough = (loop: KindLoop, revision: string) => loop.settledAt() === revision || loop.blindAt() === revision

/**
 * A commit that cannot be read (one made before an upgrade, or pushed around the hooks) changes nothing: what is kept is
 * kept as it was, and this says so where everybody looks.
 */
function showReadable(core: Core, revision: string, result: ParseResult): void {
  if (result.ok) {
    core.board.remove('desired-state', 'main')
    return
  }
  const [first] = result.mistakes
  const message = `${revision.slice(0, 8)} cannot be read, and nothing changes until a commit that can be is pushed: ${first === undefined ? '' : renderMistake(first)}`
  core.board.set('desired-state', 'main', { state: 'stalled', reason: 'invalid', message })
  core.log.error('main cannot be read', { revision, mistakes: result.mistakes.length })
}

/** Resolves once the test holds (looked at after each event); rejects when the signal aborts. */
function until(signal: AbortSignal, test: () => boolean, subscribe: (listener: () => void) => () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void) => {
      unsubscribe()
      signal.removeEventListener('abort', onAbort)
      act()
    }
    const onAbort = () => finish(() => reject(signal.reason))
    const look = () => {
      if (test()) finish(resolve)
    }
    const unsubscribe = subscribe(look)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    else look()
  })
}

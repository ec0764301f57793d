import { type Backoff, backoff } from '../../runtime/os/backoff.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { pushBackup } from './git/push.ts'
import type { InForce } from './in-force.ts'
import type { BackupItem } from './item.ts'
import { type BackupRun, type BackupVerb, type History, theSchedule } from './journal.ts'
import { openAccess, publicIdentity, type SecretOf } from './open.ts'
import { type PerformDeps, type Performed, perform, runsToList } from './perform.ts'
import { createBackupReconciler, unknownBackup } from './reconciler.ts'
import { createRestic, type Restic } from './restic/restic.ts'
import { removeScratch } from './restore/drill.ts'
import { dueOf, makingVerb } from './standing.ts'
import { isComplete, ourTag, storedRuns } from './tags.ts'
import { tidyBackups } from './tidy.ts'
import { type BackupView, backupView, type RunView, runView } from './view.ts'

export interface BackupRoomDeps extends PerformDeps {
  readonly secret: SecretOf
  readonly inForce: InForce
  /** What the accepted commit declares, never one that is held; undefined before one was read. */
  readonly declared: () => ReadonlyMap<string, BackupItem> | undefined
  /** The commit that is applied and verified. */
  readonly verified: () => string
  /** How a backup stands may have changed. */
  readonly changed: (reason: string) => void
  /** Called after every journalled step; a test ends the process here. */
  readonly onStep?: (kind: string, name: string) => void
}

export interface KeptSnapshot {
  readonly snapshot: string
  /** ISO 8601 */
  readonly time: string
  readonly hostname: string
  /** The name that it was made under. */
  readonly backup: string
}

export interface Backups {
  list(): Promise<readonly BackupView[]>
  snapshots(name: string): Promise<readonly KeptSnapshot[]>
  /** Has it done as soon as nothing else is; gives the id of the run. */
  ask(name: string, verb: BackupVerb, by: string, facts?: Readonly<Record<string, string>>): Promise<string>
  run(id: string): Promise<RunView | undefined>
  /** The key that servers of sftp and Git have to let in. */
  publicKey(): Promise<string | undefined>
  subscribe(listener: () => void): () => void
}

/** Milliseconds; a look at the clock, which may have been set. */
const longestSleep = 60_000

/** While the journal cannot be read or written. */
const blindWaits: Backoff = { first: 1_000, longest: 60_000 }

export type BackupRoom = ReturnType<typeof createBackupRoom>

/** Makes backups when they are due or asked for, one at a time; how far each came is in the journal. */
export function createBackupRoom(deps: BackupRoomDeps) {
  const { source, journal, clock, log } = deps
  const { home, spawn, appliance } = source
  const stopping = new AbortController()
  const listeners = new Set<() => void>()
  let rouse = () => {}
  let working: Promise<void> = Promise.resolve()
  /** How it ended could not be written down. */
  let unwritten: { readonly id: string; readonly error: unknown } | undefined
  /** What failed before is tried again without its wait. */
  let forgiven = new Date(0)

  const declared = (): ReadonlyMap<string, BackupItem> => deps.declared() ?? new Map()
  const changed = (reason: string) => {
    deps.changed(reason)
    for (const listener of listeners) listener()
  }
  const open = async (item: Extract<BackupItem, { readonly type: 'restic' }>, signal: AbortSignal): Promise<Restic> =>
    createRestic(await openAccess({ home, spawn, secret: deps.secret }, item.declaration), spawn, signal)

  async function dueWork(): Promise<{ readonly run: BackupRun } | { readonly until: Date }> {
    if (unwritten !== undefined) {
      await journal.fail(unwritten.id, unwritten.error)
      unwritten = undefined
      changed('what has ended is written down')
    }
    await deps.inForce.remember(declared())
    const [first] = await journal.asked()
    if (first !== undefined) return { run: first }
    const [histories, repositories] = await Promise.all([journal.histories(), journal.repositories()])
    const now = clock.now()
    let until = new Date(now.getTime() + longestSleep)
    for (const [name, item] of declared()) {
      if (item.type === 'restic' && repositories.get(name)?.location !== item.declaration.location.repository) continue
      const due = dueOf(item, forgive(histories, forgiven), appliance)
      const wanted = [[due.run, makingVerb(item)] as const, [due.verify, 'verify'] as const]
      for (const [at, verb] of wanted) {
        if (at === undefined) continue
        if (at > now) {
          if (at < until) until = at
          continue
        }
        const run = await journal.get(await journal.ask(name, verb, theSchedule))
        if (run !== undefined) return { run }
      }
    }
    return { until }
  }

  async function work(run: BackupRun): Promise<void> {
    await journal.begin(run.id)
    changed(`${run.verb} of ${run.name} begins`)
    const step = async (name: string) => {
      await journal.step(run.id, name)
      deps.onStep?.(`backup-${run.verb}`, name)
    }
    try {
      await step('begun')
      const { message, facts } = await performed(run, step)
      await journal.succeed(run.id, message, facts)
      log.info('backup done', { key: run.name, verb: run.verb, run: run.id })
    } catch (error) {
      // It stays open, and the next start says that it was interrupted.
      if (stopping.signal.aborted) return
      unwritten = { id: run.id, error }
      await journal.fail(run.id, error)
      unwritten = undefined
      log.warn('backup failed', { key: run.name, verb: run.verb, run: run.id, error: explain(error) })
    }
    changed(`${run.verb} of ${run.name} has ended`)
  }

  async function performed(run: BackupRun, step: (name: string) => Promise<void>): Promise<Performed> {
    const item = declared().get(run.name)
    if (item === undefined) throw unknownBackup(run.name)
    const { signal } = stopping
    if (item.type === 'restic') return perform(deps, { item, run, restic: await open(item, signal), signal, step })
    if (run.verb !== 'push') throw new ApplianceError('invalid', `${run.name} is a Git target: it can only be run`)
    const push = { ...{ home, spawn, secret: deps.secret, verified: deps.verified, now: clock.now }, signal, step }
    const { refs } = await pushBackup(push, item.declaration)
    return {
      message: refs.length === 0 ? 'nothing was new' : `new there: ${refs.slice(0, 10).join(', ')}`,
      facts: { refs: refs.length },
    }
  }

  async function tidy(): Promise<void> {
    const items = deps.declared()
    if (items === undefined) return
    const ids = [...(await journal.repositories()).values()].map(({ repositoryId }) => repositoryId)
    await tidyBackups(home, new Set(items.keys()), new Set(ids), clock.now())
  }

  /** Does what is due; gives the milliseconds until something may be due again. */
  async function doNext(): Promise<number> {
    const next = await dueWork()
    if ('until' in next) return next.until.getTime() - clock.now().getTime()
    await work(next.run)
    return 0
  }

  async function loop(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      await tidy().catch(error => log.warn('backups not tidied', { error: explain(error) }))
      const roused = Promise.withResolvers<void>()
      rouse = roused.resolve
      const wait = await doNext().then(
        milliseconds => {
          failures = 0
          return milliseconds
        },
        (error: unknown) => {
          log.warn('the journal of backups fails', { error: explain(error) })
          return backoff(blindWaits, ++failures, Math.random())
        },
      )
      if (wait <= 0) continue
      const timer = new AbortController()
      await Promise.race([roused.promise, clock.sleep(wait, AbortSignal.any([timer.signal, stopping.signal]))])
      timer.abort()
    }
  }

  const backups: Backups = {
    async list() {
      const histories = await journal.histories()
      const items = [...declared().values()]
      return Promise.all(
        items.map(async item =>
          backupView(item, histories, dueOf(item, histories, appliance), await journal.recent(item.declaration.name, 20)),
        ),
      )
    },
    async snapshots(name) {
      const item = declared().get(name)
      if (item?.type !== 'restic') throw unknownBackup(name)
      const restic = await open(item, stopping.signal)
      return runsToList(storedRuns(await restic.snapshots(ourTag)), name, appliance)
        .filter(isComplete)
        .map(({ files, time, hostname, name: backup }) => ({
          ...{ snapshot: files.slice(0, 8), time: time.toISOString(), hostname, backup },
        }))
    },
    async ask(name, verb, by, facts) {
      const item = declared().get(name)
      if (item === undefined) throw unknownBackup(name)
      if (item.type === 'git' && verb !== 'run')
        throw new ApplianceError('invalid', `${name} is a Git target`, { hint: 'it can be run; what is there is read with Git' })
      const id = await journal.ask(name, item.type === 'git' ? 'push' : verb, by, facts)
      rouse()
      return id
    },
    async run(id) {
      const found = await journal.get(id)
      return found && runView(found)
    },
    publicKey: () => publicIdentity(home),
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }

  return {
    backups,
    reconciler: createBackupReconciler({ journal, inForce: deps.inForce, clock, open, begun: () => rouse() }),
    /** The declarations have changed. */
    moved: () => rouse(),
    /** Something that failures may have been about has changed. */
    retryAll() {
      forgiven = clock.now()
      rouse()
    },
    async start(): Promise<void> {
      const interrupted = await journal.closeInterrupted()
      for (const { name, verb, step } of interrupted) log.warn('backup was interrupted', { key: name, verb, step })
      await removeScratch(home)
      working = loop()
    },
    async stop(): Promise<void> {
      stopping.abort(new Error('the appliance stops'))
      rouse()
      await working
    },
  }
}

const forgive = (histories: ReadonlyMap<string, History>, until: Date): ReadonlyMap<string, History> =>
  new Map(
    [...histories].map(([key, history]) => {
      const old = history.last?.endedAt !== undefined && history.last.endedAt <= until
      return [key, old ? { ...history, last: undefined } : history]
    }),
  )

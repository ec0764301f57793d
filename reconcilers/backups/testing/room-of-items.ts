import { type Clock, systemClock } from '../../../runtime/os/clock.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Home } from '../../../runtime/os/home.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { spawn } from '../../../runtime/os/spawn.ts'
import { findPostgres } from '../../../runtime/services/postgres-program.ts'
import { openStore, type Store } from '../../../runtime/store/store.ts'
import { createInForce } from '../in-force.ts'
import type { BackupItem } from '../item.ts'
import { createBackupJournal } from '../journal.ts'
import { type BackupRoom, type BackupRoomDeps, createBackupRoom } from '../room.ts'
import { standingOf } from '../standing.ts'
import type { RunView } from '../view.ts'

export const password = 'correct horse battery staple'

/** Time that a test turns on; it goes on by itself, too. */
export function turnedClock(): Clock & { turn(milliseconds: number): void } {
  let ahead = 0
  let turned = new AbortController()
  return {
    now: () => new Date(Date.now() + ahead),
    // Who sleeps looks at the clock again when it was turned.
    sleep: (milliseconds, signal) =>
      systemClock.sleep(milliseconds, signal === undefined ? turned.signal : AbortSignal.any([turned.signal, signal])),
    turn: milliseconds => {
      ahead += milliseconds
      turned.abort()
      turned = new AbortController()
    },
  }
}

export type Items = ReadonlyMap<string, BackupItem>

/** A room of backups over a home with a real Postgres, a repository and some files; what it is told may be changed. */
export function roomOfItems(home: Home, store: Store, declared: Items, changes: Partial<BackupRoomDeps> = {}) {
  const clock = changes.clock ?? systemClock
  const secrets = new Map([['BACKUP_PASSWORD', password]])
  const journal = createBackupJournal(store, clock)
  let items = declared
  const room: BackupRoom = createBackupRoom({
    source: {
      ...{ home, spawn, appliance: 'one', environment: [] },
      address: { socketFolder: home.postgresSockets, database: 'ai_infrastructure' },
      postgres: () => findPostgres(home),
    },
    ...{ journal, clock, log: silentLog, judgeAudit: async () => [], verified: () => '', changed: () => {} },
    declared: () => items,
    inForce: createInForce(store),
    async secret(reference) {
      const value = secrets.get(reference.replace('secret:', ''))
      if (value === undefined) throw new ApplianceError('waiting', `the secret ${reference} is not set`)
      return value
    },
    ...changes,
  })
  const { reconciler } = room
  const signal = new AbortController().signal

  /** One look and what it finds to be done; gives the plan of the next look. */
  async function converge(atStep: (name: string) => void = () => {}) {
    const plan = reconciler.plan(items, await reconciler.observe(items, signal))
    const step = async (name: string) => atStep(name)
    for (const change of plan.changes) await reconciler.apply(change, { signal, step, progress: () => {} })
    return reconciler.plan(items, await reconciler.observe(items, signal))
  }

  return {
    ...{ room, journal, secrets, converge, clock },
    declareItems(next: Items) {
      items = next
      room.moved()
    },
    async standing(name = 'nightly') {
      const item = items.get(name)
      if (item === undefined) throw new Error(`${name} is not declared`)
      const begun = (await journal.repositories()).get(name)
      return standingOf(item, await journal.histories(), clock.now(), begun?.begunAt)
    },
    /** Has something done, and waits until it has ended. A Git target can be run. */
    async done(verb: 'run' | 'verify' | 'restore', name = 'nightly', facts: Record<string, string> = {}): Promise<RunView> {
      const id = await room.backups.ask(name, verb, 'Ada', facts)
      return ended(room, id)
    },
  }
}

export async function ended(room: BackupRoom, id: string): Promise<RunView> {
  const deadline = AbortSignal.timeout(120_000)
  for (;;) {
    const changed = Promise.withResolvers<void>()
    const leave = room.backups.subscribe(changed.resolve)
    deadline.addEventListener('abort', () => changed.resolve(), { once: true })
    try {
      const run = await room.backups.run(id)
      if (run !== undefined && run.endedAt !== '') return run
      if (deadline.aborted) throw new Error(`it is ${JSON.stringify(run)}`)
      // Another room over the same journal may be the one that ends it.
      await Promise.race([changed.promise, Bun.sleep(200)])
    } finally {
      leave()
    }
  }
}

/** The store of a home whose Postgres runs already. */
export const storeOf = (home: Home): Store => openStore({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' })

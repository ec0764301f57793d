import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initRepository } from '../../../desired-state/git/init.ts'
import { stateOf } from '../../../desired-state/testing/tree.ts'
import { type Clock, systemClock } from '../../../runtime/os/clock.ts'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import type { Home } from '../../../runtime/os/home.ts'
import { makeHome } from '../../../runtime/os/home-folders.ts'
import { silentLog } from '../../../runtime/os/log.ts'
import { minimalEnvironment, spawn } from '../../../runtime/os/spawn.ts'
import { findPostgres } from '../../../runtime/services/postgres-program.ts'
import { openStore, type Store } from '../../../runtime/store/store.ts'
import { startTestStore } from '../../../runtime/store/testing/postgres.ts'
import { backupsOf } from '../item.ts'
import { createBackupJournal } from '../journal.ts'
import { type BackupRoom, type BackupRoomDeps, createBackupRoom } from '../room.ts'
import { standingOf } from '../standing.ts'
import type { RunView } from '../view.ts'

export const password = 'correct horse battery staple'

/** Time that a test turns on; it goes on by itself, too. */
export function turnedClock(): Clock & { turn(milliseconds: number): void } {
  let ahead = 0
  return {
    now: () => new Date(Date.now() + ahead),
    sleep: (milliseconds, signal) => systemClock.sleep(Math.min(milliseconds, 50), signal),
    turn: milliseconds => {
      ahead += milliseconds
    },
  }
}

/** A room of backups over a home with a real Postgres, a repository and some files; what it is told may be changed. */
export function roomOver(home: Home, store: Store, yaml: string, changes: Partial<BackupRoomDeps> = {}) {
  const clock = changes.clock ?? systemClock
  const secrets = new Map([['BACKUP_PASSWORD', password]])
  const journal = createBackupJournal(store, clock)
  let items = backupsOf(stateOf({ 'backups.yaml': yaml }))
  const room: BackupRoom = createBackupRoom({
    source: {
      ...{ home, spawn, appliance: 'one', environment: [] },
      address: { socketFolder: home.postgresSockets, database: 'ai_infrastructure' },
      postgres: () => findPostgres(home),
    },
    ...{ journal, clock, log: silentLog, judgeAudit: async () => [], verified: () => '', changed: () => {} },
    declared: () => items,
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
  async function converge(fatal = '') {
    const plan = reconciler.plan(items, await reconciler.observe(items, signal))
    const step = async (name: string) => {
      if (name === fatal) throw new Error(`killed at ${name}`)
    }
    for (const change of plan.changes) await reconciler.apply(change, { signal, step, progress: () => {} })
    return reconciler.plan(items, await reconciler.observe(items, signal))
  }

  return {
    ...{ room, journal, secrets, converge, clock },
    declare(next: string) {
      items = backupsOf(stateOf({ 'backups.yaml': next }))
      room.moved()
    },
    async standing(name = 'nightly') {
      const item = items.get(name)
      if (item === undefined) throw new Error(`${name} is not declared`)
      return standingOf(item, await journal.histories(), clock.now())
    },
    /** Has something done, and waits until it has ended. */
    async done(verb: 'run' | 'verify' | 'restore', name = 'nightly', facts: Record<string, string> = {}): Promise<RunView> {
      const id = await room.backups.ask(name, verb, 'Ada', facts)
      return ended(room, id)
    },
  }
}

export async function ended(room: BackupRoom, id: string): Promise<RunView> {
  for (const deadline = AbortSignal.timeout(120_000); ; await Bun.sleep(20)) {
    const run = await room.backups.run(id)
    if (run !== undefined && run.endedAt !== '') return run
    if (deadline.aborted) throw new Error(`it is ${JSON.stringify(run)}`)
  }
}

export async function backupRig() {
  const ground = await startTestStore()
  const disk = await mkdtemp(join(tmpdir(), 'bk-'))
  const { home, store } = ground
  await makeHome(home)
  await initRepository(home)
  await mkdir(join(home.www, 'shop'), { recursive: true })
  await writeFile(join(home.www, 'shop', 'index.html'), 'the shop')
  await writeFile(join(home.memory, 'lesson.md'), 'a lesson')
  await store`INSERT INTO backup_repository (name, location, repository_id, begun_at) VALUES ('a row', '', '', now())`
  await store`DELETE FROM backup_repository`
  return {
    ...{ home, store, disk },
    repository: (name = 'repository') => join(disk, name),
    yaml: (more = '', name = 'repository') =>
      `backups:\n  nightly: { repository: ${join(disk, name)}, password: "secret:BACKUP_PASSWORD", jitter_minutes: 0, check_percent: 0${more} }\n`,
    /** restic by hand. */
    async restic(words: readonly string[], name = 'repository') {
      const env = { ...minimalEnvironment, HOME: disk, RESTIC_PASSWORD: password, RESTIC_REPOSITORY: join(disk, name) }
      return spawn(['restic', '--quiet', ...words], { env, timeout: 60_000 })
    },
    async [Symbol.asyncDispose]() {
      await ground[Symbol.asyncDispose]()
      await rm(disk, { recursive: true, force: true })
    },
  }
}

/** The store of a home whose Postgres runs already. */
export const storeOf = (home: Home): Store => openStore({ socketFolder: home.postgresSockets, database: 'ai_infrastructure' })

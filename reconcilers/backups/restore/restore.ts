import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import { makeDirectory, readTextIfExists } from '../../../runtime/os/files.ts'
import { type Home, homeAt } from '../../../runtime/os/home.ts'
import { parseJson } from '../../../runtime/os/json.ts'
import type { Spawn } from '../../../runtime/os/spawn.ts'
import type { PostgresProgram } from '../../../runtime/services/postgres-program.ts'
import { openStore, type Store } from '../../../runtime/store/store.ts'
import type { Restic } from '../restic/restic.ts'
import { dumpEnvironment, loadCommand } from '../source/dump.ts'
import { dumpName, type Manifest, manifestName, manifestShape } from '../source/manifest.ts'
import { notesOf } from '../source/parts.ts'
import { writeRefs } from '../source/refs.ts'
import type { StoredRun } from '../tags.ts'
import { megabytes, refuseWithoutRoom, withinRoom } from './room.ts'
import { startScratchPostgres } from './scratch-postgres.ts'

export interface RestoreDeps {
  readonly spawn: Spawn
  readonly postgres: () => Promise<PostgresProgram>
  readonly signal: AbortSignal
  readonly progress: (line: string) => void
  readonly step: (name: string) => Promise<void>
}

export interface Restored {
  readonly home: Home
  readonly manifest: Manifest
}

/**
 * Makes the home that a run has kept in `folder`, which has to be empty or absent: files, refs of the repositories, and
 * the database in a Postgres of its own. `inspect` is called while that Postgres runs.
 */
export async function restoreRun(
  restic: Restic,
  run: StoredRun & { readonly files: string },
  folder: string,
  deps: RestoreDeps,
  inspect: (restored: Restored, store: Store) => Promise<void> = async () => {},
): Promise<Restored> {
  const bytes = await restic.size(run.files)
  await refuseWithoutRoom(folder, bytes, 'what is to be restored')
  deps.progress(`files, ${megabytes(bytes)}`)
  return withinRoom(folder, deps.signal, signal => fillHome(restic, run, folder, { ...deps, signal }, inspect))
}

async function fillHome(
  restic: Restic,
  run: StoredRun & { readonly files: string },
  folder: string,
  deps: RestoreDeps,
  inspect: (restored: Restored, store: Store) => Promise<void>,
): Promise<Restored> {
  const home = homeAt(folder)
  await makeDirectory(folder, 0o750)
  await restic.restore(run.files, folder, deps.signal)
  await deps.step('restored-files')
  const manifest = await readManifest(home)
  const restored = { home, manifest }
  await writeRefs(home, manifest.repositories)
  await deps.step('restored-refs')
  if (manifest.postgres !== undefined && run.postgres !== undefined) {
    deps.progress('database')
    await refuseWithoutRoom(folder, emptyDatabase + 2 * (manifest.postgres.bytes ?? 0), 'the database')
    await loadDatabase(restic, run.postgres, restored, deps, inspect)
  }
  await rm(notesOf(home), { recursive: true, force: true })
  await rm(home.run, { recursive: true, force: true })
  await deps.step('restored')
  return restored
}

/** Bytes; and loading a dump takes about twice its size, with indexes and the log of what is written. */
const emptyDatabase = 100_000_000

async function readManifest(home: Home): Promise<Manifest> {
  const text = await readTextIfExists(join(notesOf(home), manifestName))
  const found = text === undefined ? undefined : manifestShape.safeParse(parseJson(text))
  if (found?.success) return found.data
  throw new ApplianceError('stalled', 'this backup has no note of what it keeps', {
    hint: 'take an older one: the verb backup list shows them',
  })
}

async function loadDatabase(
  restic: Restic,
  snapshot: string,
  restored: Restored,
  { spawn, postgres, signal, step }: RestoreDeps,
  inspect: (restored: Restored, store: Store) => Promise<void>,
): Promise<void> {
  const { home } = restored
  const program = await postgres()
  await using running = await startScratchPostgres(home, program, spawn, signal)
  const { address } = running
  await step('restored-postgres')
  await restic.pour(snapshot, dumpName, { argv: loadCommand(program), env: dumpEnvironment(address) }, signal)
  await step('loaded')
  const store = openStore(address)
  try {
    await inspect(restored, store)
  } finally {
    await store.end({ timeout: 2 })
  }
}

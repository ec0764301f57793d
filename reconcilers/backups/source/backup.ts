import { hostname } from 'node:os'
import { join } from 'node:path'
import type { BackupDeclaration } from '../../../desired-state/state.ts'
import { makeDirectory, writeFileAtomic } from '../../../runtime/os/files.ts'
import type { Home } from '../../../runtime/os/home.ts'
import type { Spawn } from '../../../runtime/os/spawn.ts'
import type { PostgresProgram } from '../../../runtime/services/postgres-program.ts'
import type { StoreAddress } from '../../../runtime/store/store.ts'
import type { Restic, Stored } from '../restic/restic.ts'
import { filesTags, postgresTags } from '../tags.ts'
import { withMoment } from './dump.ts'
import { dumpName, type Manifest, manifestName } from './manifest.ts'
import { leftOut, notesOf } from './parts.ts'
import { readRefs } from './refs.ts'

export interface Source {
  readonly home: Home
  readonly spawn: Spawn
  readonly address: StoreAddress
  readonly postgres: () => Promise<PostgresProgram>
  /** Id of this appliance. */
  readonly appliance: string
  /** Names of the variables that the operator has set. */
  readonly environment: readonly string[]
}

export interface BackedUp {
  readonly files: Stored
  readonly postgres: Stored | undefined
  readonly at: Date
}

/**
 * One backup: first the database, in one moment; then the refs of the repositories; then all files. What comes later
 * holds everything that the earlier refers to, because commits, audit and releases are only added to. The snapshot of
 * the files comes last and makes the run complete: one without it is nobody's backup.
 */
export async function backUp(
  source: Source,
  declaration: Pick<BackupDeclaration, 'name' | 'what'>,
  run: string,
  restic: Restic,
  step: (name: string) => Promise<void>,
): Promise<BackedUp> {
  const { home, spawn, appliance } = source
  const { name, what } = declaration
  const identity = { name, run, appliance }
  const database = what.includes('postgres') ? await storeDatabase(source, identity, restic, step) : undefined
  const at = database?.at ?? new Date()
  const manifest: Manifest = {
    ...{ version: 1, run, name, appliance, hostname: hostname(), at: at.toISOString(), what: [...what] },
    ...(database === undefined
      ? {}
      : { postgres: { major: database.major, bytes: database.stored.bytes, tables: database.tables } }),
    repositories: await readRefs(home, spawn),
    environment: [...source.environment],
  }
  await makeDirectory(notesOf(home), 0o700)
  await writeFileAtomic(join(notesOf(home), manifestName), `${JSON.stringify(manifest)}\n`, 0o600)
  await step('noted')
  const files = await restic.storeFolder(home.root, await leftOut(home, what), { tags: filesTags(identity), time: at })
  await step('files')
  return { files, postgres: database?.stored, at }
}

async function storeDatabase(
  { address, postgres }: Source,
  identity: Parameters<typeof postgresTags>[0],
  restic: Restic,
  step: (name: string) => Promise<void>,
) {
  const program = await postgres()
  return withMoment(address, program, async ({ at, command, tables }) => {
    await step('moment')
    const stored = await restic.storeOutput(command, dumpName, { tags: postgresTags(identity), time: at })
    await step('postgres')
    return { stored, at, tables: await tables(), major: program.major }
  })
}

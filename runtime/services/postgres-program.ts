import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError, systemCode } from '../os/errors.ts'
import { readTextIfExists } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { type Spawn, spawn } from '../os/spawn.ts'

/** One installed Postgres. */
export interface PostgresProgram {
  /** Folder of `postgres` and `initdb`. */
  readonly folder: string
  readonly major: number
}

/**
 * The Postgres to run: the one that the data folder was made with when it is still installed, else the newest of
 * Debian's folders, else what `pg_config` names. A lone `postgres` on PATH is not trusted: it may lack `initdb`.
 */
export async function findPostgres(home: Home, run: Spawn = spawn, debian = '/usr/lib/postgresql'): Promise<PostgresProgram> {
  const wanted = await dataVersion(home)
  const installed = await installedPostgres(run, debian)
  const program = installed.find(one => one.major === wanted) ?? installed[0]
  if (program === undefined) {
    throw new ApplianceError('stalled', 'Postgres is not installed', { hint: 'run ./install.sh, or apt-get install postgresql' })
  }
  return program
}

/** Newest first. */
export async function installedPostgres(run: Spawn = spawn, debian = '/usr/lib/postgresql'): Promise<PostgresProgram[]> {
  const candidates = (await namesIn(debian)).map(name => join(debian, name, 'bin'))
  const programs = await Promise.all(candidates.map(folder => identify(folder, run)))
  const found = programs.filter(program => program !== undefined).sort((a, b) => b.major - a.major)
  if (found.length > 0) return found
  const configured = await configuredFolder(run)
  const other = configured === undefined ? undefined : await identify(configured, run)
  return other === undefined ? [] : [other]
}

/** The major version that made the data folder; undefined before the first start. */
export async function dataVersion(home: Home): Promise<number | undefined> {
  const text = await readTextIfExists(join(home.postgresData, 'PG_VERSION'))
  return text === undefined ? undefined : Number.parseInt(text, 10)
}

async function identify(folder: string, run: Spawn): Promise<PostgresProgram | undefined> {
  if (!(await Bun.file(join(folder, 'initdb')).exists())) return undefined
  const { stdout } = await run([join(folder, 'postgres'), '--version'])
  const major = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1]
  return major === undefined ? undefined : { folder, major: Number(major) }
}

async function configuredFolder(run: Spawn): Promise<string | undefined> {
  if (Bun.which('pg_config') === null) return undefined
  const { code, stdout } = await run(['pg_config', '--bindir'])
  return code === 0 ? stdout.trim() : undefined
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

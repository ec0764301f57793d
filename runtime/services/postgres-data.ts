import { randomBytes } from 'node:crypto'
import { chmod, readdir, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ApplianceError } from '../os/errors.ts'
import { makeDirectory, readTextIfExists, removeIfExists, statIfExists, syncDirectory, writeFileAtomic } from '../os/files.ts'
import type { Home } from '../os/home.ts'
import { listProcesses, processFacts, workingFolder } from '../os/process.ts'
import { minimalEnvironment, type Spawn, spawnChecked } from '../os/spawn.ts'
import { dataVersion, type PostgresProgram } from './postgres-program.ts'

/**
 * Makes the data folder on the first start. It is built beside its place and renamed when it is complete and on disk, so
 * a kill in between leaves nothing that a later start would take for a database.
 */
export async function preparePostgres(home: Home, program: PostgresProgram, run: Spawn): Promise<void> {
  await makeDirectory(home.root, 0o750)
  await makeDirectory(home.postgresSockets, 0o700)
  await chmod(home.postgresSockets, 0o700)
  await removeUnfinished(home.postgresData)
  if ((await statIfExists(home.postgresData)) === undefined) await createData(home, program, run)
  await checkVersion(home, program)
  await writeAccessRules(home.postgresData, run)
  await removeStaleLocks(home)
}

async function createData(home: Home, program: PostgresProgram, run: Spawn): Promise<void> {
  const folder = `${home.postgresData}.new-${randomBytes(4).toString('hex')}`
  const options = { env: { ...minimalEnvironment, TZ: 'UTC' }, timeout: 120_000 }
  await spawnChecked(run, initialiseArguments(program, folder), options)
  await spawnChecked(run, singleUserArguments(program, folder), { ...options, stdin: firstStatements })
  await spawnChecked(run, ['sync', '--file-system', folder], options)
  await rename(folder, home.postgresData)
  await syncDirectory(dirname(home.postgresData))
}

export function initialiseArguments(program: PostgresProgram, folder: string): string[] {
  return [
    join(program.folder, 'initdb'),
    ...['-D', folder, '--username=postgres', '--auth=reject', '--encoding=UTF8', '--locale=C.UTF-8'],
    ...['--data-checksums', '--wal-segsize=4', '--no-sync', '--no-instructions'],
  ]
}

function singleUserArguments(program: PostgresProgram, folder: string): string[] {
  return [join(program.folder, 'postgres'), '--single', '-D', folder, '-c', 'fsync=off', 'template1']
}

/** The single-user server is the only one who is ever superuser: our own role owns its database and nothing else. */
const firstStatements = 'CREATE ROLE ai_infra LOGIN\nCREATE DATABASE ai_infrastructure OWNER ai_infra\n'

async function checkVersion(home: Home, program: PostgresProgram): Promise<void> {
  const version = await dataVersion(home)
  if (version === program.major) return
  const subject = home.postgresData
  if (version === undefined) {
    throw new ApplianceError('stalled', 'this folder is not a Postgres data folder', {
      subject,
      hint: 'move it away; an empty database is made at the next start',
    })
  }
  throw new ApplianceError(
    'stalled',
    `the data was made by Postgres ${version}, and only Postgres ${program.major} is installed`,
    {
      subject,
      hint: `install postgresql-${version} again, or move the data over with pg_upgrade and then start again`,
    },
  )
}

async function writeAccessRules(folder: string, run: Spawn): Promise<void> {
  // Bun's userInfo() only repeats $USER, which a clean environment lacks; Postgres asks the system for the peer's name.
  const user = (await spawnChecked(run, ['id', '-un'])).trim()
  await writeIfDifferent(join(folder, 'pg_hba.conf'), 'local all ai_infra peer map=appliance\n')
  await writeIfDifferent(join(folder, 'pg_ident.conf'), `appliance "${user}" ai_infra\n`)
}

async function writeIfDifferent(path: string, content: string): Promise<void> {
  if ((await readTextIfExists(path)) !== content) await writeFileAtomic(path, content, 0o600)
}

/**
 * Postgres takes its lock files for live ones when any process of ours has got the pid in them, as happens after a
 * reboot. They are removed only when nothing works in the data folder, neither a server nor an orphan of one.
 */
async function removeStaleLocks(home: Home): Promise<void> {
  const locks = [join(home.postgresData, 'postmaster.pid'), join(home.postgresSockets, '.s.PGSQL.5432.lock')]
  const texts = await Promise.all(locks.map(readTextIfExists))
  const reused = texts.some(text => text !== undefined && processFacts(Math.abs(Number.parseInt(text, 10))) !== undefined)
  const data = await realpath(home.postgresData)
  if (!reused || listProcesses().some(one => workingFolder(one.pid) === data)) return
  for (const lock of locks) await removeIfExists(lock)
}

async function removeUnfinished(data: string): Promise<void> {
  for (const name of await readdir(dirname(data))) {
    if (name.startsWith(`${basename(data)}.new-`)) await rm(join(dirname(data), name), { recursive: true, force: true })
  }
}

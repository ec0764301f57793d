import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../../os/home.ts'
import { spawn, spawnChecked } from '../../os/spawn.ts'
import { initialiseArguments, preparePostgres } from '../../services/postgres-data.ts'
import { findPostgres } from '../../services/postgres-program.ts'

/**
 * Puts a copy of an empty, initialised data folder into the home: what a first start makes, made once for all tests of
 * this user. A test of the first start itself does not call it.
 */
export const placeReadyMadeDatabase = (home: Home): Promise<void> => copyReadyMadeDatabase(home, home.postgresData)

/** The same into any folder that is not there yet. */
export async function copyReadyMadeDatabase(home: Home, folder: string): Promise<void> {
  const program = await findPostgres(home)
  const recipe = createHash('sha256')
    .update(JSON.stringify(initialiseArguments(program, '')))
    .digest('hex')
    .slice(0, 12)
  const cache = join(homedir(), '.cache', 'ai-infra-tests')
  const made = join(cache, `postgres-${recipe}`)
  if (!(await exists(made))) await make(cache, made)
  await spawnChecked(spawn, ['cp', '-a', '--reflink=auto', made, folder])
}

async function make(cache: string, made: string): Promise<void> {
  await mkdir(cache, { recursive: true })
  const scratch = homeAt(await mkdtemp(join(cache, 'making-')))
  try {
    await preparePostgres(scratch, await findPostgres(scratch), spawn)
    await rename(scratch.postgresData, made)
  } catch (error) {
    // Another test made it meanwhile.
    if (!(await exists(made))) throw error
  } finally {
    await rm(scratch.root, { recursive: true, force: true })
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )

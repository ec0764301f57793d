import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ApplianceError, systemCode } from '../../../runtime/os/errors.ts'
import { statIfExists } from '../../../runtime/os/files.ts'
import type { Home } from '../../../runtime/os/home.ts'
import { commandLine, endProcesses, listProcesses, workingFolder } from '../../../runtime/os/process.ts'
import type { Restic } from '../restic/restic.ts'
import { judgeRepositories } from '../source/refs.ts'
import { differencesOf, digestTables } from '../source/tables.ts'
import type { StoredRun } from '../tags.ts'
import { type RestoreDeps, restoreRun } from './restore.ts'

export interface DrillDeps extends RestoreDeps {
  readonly home: Home
  /** What is wrong with the audit of a home; empty when it is whole. */
  readonly judgeAudit: (home: Home) => Promise<readonly string[]>
}

/** What a trial restore has proven. */
export interface Drilled {
  readonly tables: number
  readonly rows: string
  readonly repositories: number
  /** Files that were the same as those in the home. */
  readonly files: number
}

const scratchPrefix = 'drill-'

/**
 * Restores a run into a scratch home, starts its Postgres and compares: every table with what the run saw, every
 * repository with its refs, the chain of the audit, and each file that has not changed since with the one in the home.
 * Throws `failed` with all that differs. Leaves nothing behind.
 */
export async function drill(restic: Restic, run: StoredRun & { readonly files: string }, deps: DrillDeps): Promise<Drilled> {
  const folder = join(deps.home.backups, `${scratchPrefix}${run.run.slice(0, 8)}`)
  await removeScratch(deps.home)
  const flaws: string[] = []
  let rows = 0n
  try {
    const { home, manifest } = await restoreRun(restic, run, folder, deps, async (restored, store) => {
      const wanted = restored.manifest.postgres?.tables ?? {}
      const found = await store.begin(transaction => digestTables(transaction))
      flaws.push(...differencesOf(wanted, found))
      rows = Object.values(found).reduce((sum, table) => sum + BigInt(table.rows), 0n)
    })
    await deps.step('compared-tables')
    flaws.push(...(await judgeRepositories(home, manifest.repositories, deps.spawn)))
    if (manifest.what.includes('audit')) flaws.push(...(await deps.judgeAudit(home)))
    const files = await compareFiles(home, deps.home, run.time, flaws)
    await deps.step('compared')
    if (flaws.length > 0)
      throw new ApplianceError('failed', sentence(flaws), {
        hint: 'make a new backup and try again; what is there now is not proven',
      })
    const tables = Object.keys(manifest.postgres?.tables ?? {}).length
    return { tables, rows: String(rows), repositories: Object.keys(manifest.repositories).length, files }
  } finally {
    await removeScratch(deps.home)
  }
}

const sentence = (flaws: readonly string[]) =>
  `what was restored is not what was backed up: ${flaws.slice(0, 5).join('; ')}${flaws.length > 5 ? `; and ${flaws.length - 5} more` : ''}`

/** Removes what trial restores left, also those that were killed, with the processes that still work in it. */
export async function removeScratch(home: Home): Promise<void> {
  const names = (await readdir(home.backups).catch(() => [])).filter(name => name.startsWith(scratchPrefix))
  for (const name of names) {
    const folder = join(home.backups, name)
    const inside = listProcesses().filter(
      ({ pid }) => isBelow(workingFolder(pid), folder) || commandLine(pid).some(word => isBelow(word, folder)),
    )
    await endProcesses(inside, 'SIGKILL', 0)
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const isBelow = (path: string | undefined, folder: string) => path === folder || path?.startsWith(`${folder}/`) === true

/** Counts the files that are as in the home; one that differs although the home's has not changed since is a flaw. */
async function compareFiles(restored: Home, home: Home, since: Date, flaws: string[]): Promise<number> {
  let same = 0
  const compareOne = async (path: string) => {
    const place = relative(restored.root, path)
    if (place.startsWith('postgres/') || place.startsWith('logs/')) return
    const other = join(home.root, place)
    const [copy, original] = await Promise.all([statIfExists(path), statIfExists(other)])
    if (copy === undefined || original === undefined || !original.isFile()) return
    const unchanged = original.ctimeMs < since.getTime() && original.mtimeMs === copy.mtimeMs
    if (!unchanged) return
    if (copy.size === original.size && (await hasSameContent(path, other, copy.size))) same += 1
    // It may have been changed, or taken away, while it was read.
    else if ((await statIfExists(other))?.ctimeMs === original.ctimeMs) flaws.push(`${place} differs`)
  }
  const together: Promise<void>[] = []
  for await (const path of filesBelow(restored.root)) {
    together.push(compareOne(path))
    if (together.length === atOnce) await Promise.all(together.splice(0))
  }
  await Promise.all(together)
  return same
}

/** Files that are compared at the same time, each small one as a whole. */
const atOnce = 16
const small = 1024 * 1024

async function hasSameContent(path: string, other: string, size: number): Promise<boolean> {
  try {
    if (size > small) return (await hashOf(path)) === (await hashOf(other))
    const [one, two] = await Promise.all([readFile(path), readFile(other)])
    return one.equals(two)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else if (entry.isFile()) yield path
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

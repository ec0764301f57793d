import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ResticAccess, writeKnownHosts } from '../reconcilers/backups/restic/access.ts'
import { createRestic, type Restic } from '../reconcilers/backups/restic/restic.ts'
import { fillFolder, isWhole } from '../reconcilers/backups/restore/into-place.ts'
import { type RestoreNote, readNote, writeNote } from '../reconcilers/backups/restore/note.ts'
import { restoreRun } from '../reconcilers/backups/restore/restore.ts'
import { ourTag, storedRuns } from '../reconcilers/backups/tags.ts'
import { ApplianceError } from '../runtime/os/errors.ts'
import { homeAt } from '../runtime/os/home.ts'
import { processFacts } from '../runtime/os/process.ts'
import { spawn } from '../runtime/os/spawn.ts'
import { findPostgres } from '../runtime/services/postgres-program.ts'
import { chooseHere } from './restore-choice.ts'
import { judgeOrder, type RestoreOrder } from './restore-order.ts'
import { saidHere } from './restore-refusal.ts'

/**
 * Makes an empty folder the home of the appliance that a repository keeps; needs nothing else, and no appliance runs. What a
 * death left whole is put in its place, and for that the repository is not asked. Gives what there is to say of it; undefined
 * when an older version left it, which wrote nothing down.
 */
export async function restoreAppliance(order: RestoreOrder): Promise<RestoreNote | undefined> {
  const location = await judgeOrder(order)
  const { into, progress, signal } = order
  const step = async (name: string) => order.onStep?.(name)
  if (await isWhole(into)) {
    progress('a restore that was interrupted here is whole: it is put in its place')
    const gone = async () => {
      throw new ApplianceError('invalid', `somebody took what was in ${into} away`, { hint: 'run the same command again' })
    }
    return readNote(await fillFolder(into, gone, step, spawn))
  }
  const password = typeof order.password === 'string' ? order.password : await order.password()
  await removeDeadScratch()
  const scratch = await mkdtemp(join(tmpdir(), `${scratchPrefix}${process.pid}-`))
  try {
    const { keys } = order
    const ssh =
      location.type === 'sftp' && order.identity !== undefined
        ? { identity: order.identity, knownHosts: await writeKnownHosts(scratch, 'restore', location) }
        : undefined
    const access = { location, password, keys, ssh, cache: join(scratch, 'cache'), temporary: join(scratch, 'tmp') }
    const restic = createRestic(access satisfies ResticAccess, spawn, signal)
    return readNote(await restoreNewly(restic, order, step))
  } catch (error) {
    throw saidHere(error, location)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function restoreNewly(
  restic: Restic,
  { into, snapshot, signal, progress }: RestoreOrder,
  step: (name: string) => Promise<void>,
): Promise<string> {
  const run = chooseHere(storedRuns(await restic.snapshots(ourTag)), snapshot, new Date())
  progress(`found ${run.name} of ${run.hostname}, ${run.time.toISOString()}`)
  const deps = { spawn, signal, progress, step, postgres: () => findPostgres(homeAt(into)) }
  return fillFolder(into, async folder => writeNote((await restoreRun(restic, run, folder, deps)).manifest), step, spawn)
}

const scratchPrefix = 'ai-infra-restore-'

/** What restores left that were killed: what restic may lose, and the key of a server. */
async function removeDeadScratch(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${scratchPrefix}(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || processFacts(Number(pid)) !== undefined) continue
    // Of somebody else it stays.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {})
  }
}

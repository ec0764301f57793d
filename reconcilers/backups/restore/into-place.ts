import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError } from '../../../runtime/os/errors.ts'
import {
  makeDirectory,
  readTextIfExists,
  removeIfExists,
  statIfExists,
  syncDirectory,
  writeFileAtomic,
} from '../../../runtime/os/files.ts'
import { unfinishedRestore } from '../../../runtime/os/home-folders.ts'
import { takeLock } from '../../../runtime/os/lock.ts'
import { type Spawn, spawnChecked } from '../../../runtime/os/spawn.ts'

/**
 * Fills an empty folder with what `make` makes, all or nothing: it is made in a folder inside, and moved up when it is
 * whole. After a kill the same call goes on; until then no appliance starts there. Gives the note that `make` gave, also
 * when that was before the kill.
 */
export async function fillFolder(
  folder: string,
  make: (scratch: string) => Promise<string>,
  step: (name: string) => Promise<void>,
  spawn: Spawn,
): Promise<string> {
  await refuseFilled(folder)
  await makeDirectory(folder, 0o750)
  const path = join(folder, lockName)
  const lock = takeLock(path)
  if (!lock.taken) throw new ApplianceError('invalid', `somebody else is restoring into ${folder}`, { hint: 'wait for its end' })
  try {
    // Whoever had the lock before may have filled it.
    await refuseFilled(folder)
    const note = await fill(folder, make, step, spawn)
    await removeIfExists(path)
    return note
  } finally {
    lock.release()
  }
}

/** Whether a death left something whole, which only has to be put in its place. */
export const isWhole = async (folder: string): Promise<boolean> =>
  (await statIfExists(join(folder, unfinishedRestore, 'whole'))) !== undefined

const lockName = '.restore.lock'

const fill: typeof fillFolder = async (folder, make, step, spawn) => {
  const scratch = join(folder, unfinishedRestore)
  const made = join(scratch, 'made')
  const whole = join(scratch, 'whole')
  if ((await statIfExists(whole)) === undefined) {
    await rm(scratch, { recursive: true, force: true })
    await makeDirectory(scratch, 0o700)
    const told = await make(made).catch(async error => {
      // What is half there helps nobody, and may be what fills the disk.
      await rm(made, { recursive: true, force: true })
      throw error
    })
    // Neither restic nor its Postgres has waited for the disk.
    await spawnChecked(spawn, ['sync', '--file-system', made], { timeout: 600_000 })
    await writeFileAtomic(whole, told, 0o600)
    await step('whole')
  }
  const note = (await readTextIfExists(whole)) ?? ''
  // It is gone where the kill came while the scratch folder was removed.
  const names = (await statIfExists(made)) === undefined ? [] : await readdir(made)
  for (const name of names.sort()) {
    // Only what an empty folder may have is there before.
    if ((await statIfExists(join(folder, name))) !== undefined) continue
    await rename(join(made, name), join(folder, name))
    await step('moved')
  }
  await syncDirectory(folder)
  await rm(scratch, { recursive: true, force: true })
  return note
}

/** Throws unless nothing is there, but for what systems and shells put into the home of a user. */
export async function refuseFilled(folder: string): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter(name => !name.startsWith('.') && name !== 'lost+found')
  if (names.length === 0) return
  // What was moved up already belongs to the restore that goes on here.
  if ((await statIfExists(join(folder, unfinishedRestore))) !== undefined) return
  throw new ApplianceError('invalid', `${folder} is not empty`, {
    hint: `nothing is ever restored over what is there: move it away (mv ${folder} ${folder}.before), or name another folder`,
  })
}

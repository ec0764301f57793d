import { randomUUID } from 'node:crypto'
import { link, readdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../../runtime/os/errors.ts'
import { makeDirectory, removeIfExists, syncDirectory, writeFileAtomic } from '../../runtime/os/files.ts'
import { type Correction, setKey, type ZoneContent } from './provider.ts'

/** Of each zone. */
const mostSnapshots = 20
const day = 86_400_000
/** Milliseconds for which snapshots of a zone stay in which nothing of ours is left. */
const keptAfterwards = 90 * day

/**
 * What a zone held before it was changed, and what would undo the change, as JSON for a person. Records of ours follow the
 * repository, so that a rollback of the commit puts them back; this is for what was taken over from others.
 */
export async function keepSnapshot(
  folder: string,
  { sets, ours }: ZoneContent,
  corrections: readonly Correction[],
  now: Date,
): Promise<void> {
  await makeDirectory(folder, 0o700)
  const records = [...sets.values()].map(set => ({ ...set, ours: ours.has(setKey(set)) }))
  const content = { at: now.toISOString(), records, undo: corrections.map(inverse) }
  const written = await writeAtFreeTime(folder, now, `${JSON.stringify(content, null, 1)}\n`)
  for (const name of superfluous(await snapshotNames(folder), written, now)) await rm(join(folder, name), { force: true })
}

/** More than one that writes into the same millisecond is ahead. */
const ahead = 60_000

/** Those of a time that has not come, from when a clock was ahead, go first, then the oldest; never the one just written. */
function superfluous(names: readonly string[], written: string, now: Date): readonly string[] {
  const end = nameAt(now.getTime() + ahead)
  const others = names.filter(name => name !== written)
  const inOrder = [...others.filter(name => name > end).reverse(), ...others.filter(name => name <= end)]
  return inOrder.slice(0, Math.max(0, names.length - mostSnapshots))
}

/** Another kind, or another server of a zone of that name, may write down the same millisecond: that one is not written over. */
async function writeAtFreeTime(folder: string, now: Date, text: string): Promise<string> {
  const temporary = join(folder, `.${randomUUID()}.tmp`)
  await writeFileAtomic(temporary, text)
  try {
    let time = now.getTime()
    while (!(await isLinked(temporary, join(folder, nameAt(time))))) time++
    await syncDirectory(folder)
    return nameAt(time)
  } finally {
    await removeIfExists(temporary)
  }
}

const nameAt = (time: number) => `${new Date(time).toISOString().replaceAll(':', '')}.json`

/** False when the name is taken. */
const isLinked = (existing: string, path: string): Promise<boolean> =>
  link(existing, path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'EEXIST') return false
      throw error
    },
  )

/** Removes snapshots of zones that have long been left, and what deaths have left half written. */
export async function dropOld(root: string, now: Date): Promise<void> {
  for (const zone of await readdir(root).catch(noFolder)) {
    const folder = join(root, zone)
    const found = await Promise.all((await readdir(folder).catch(noFolder)).map(name => withAge(folder, name, now)))
    const isLeft = !found.some(({ name }) => name.endsWith('.kept'))
    if (isLeft && found.length > 0 && found.every(({ age }) => age > keptAfterwards)) {
      for (const { name } of found) await rm(join(folder, name), { force: true })
      // It is not empty where somebody has put records into the zone meanwhile.
      await rmdir(folder).catch(() => {})
    } else
      for (const { name, age } of found) if (name.endsWith('.tmp') && age > day) await rm(join(folder, name), { force: true })
  }
}

const withAge = async (folder: string, name: string, now: Date) => {
  const changed = await stat(join(folder, name)).then(
    ({ mtimeMs }) => mtimeMs,
    () => now.getTime(),
  )
  return { name, age: now.getTime() - changed }
}

function noFolder(error: unknown): string[] {
  if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return []
  throw error
}

export const snapshotNames = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter(name => name.endsWith('.json')).sort()

export function inverse(correction: Correction): Correction {
  if (correction.type === 'remove') return { type: 'put', set: correction.before, before: undefined }
  const { set, before } = correction
  return before === undefined ? { type: 'remove', before: set } : { type: 'put', set: before, before: set }
}

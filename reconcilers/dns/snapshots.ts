import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeDirectory, writeFileAtomic } from '../../runtime/os/files.ts'
import { type Correction, setKey, type ZoneContent } from './provider.ts'

/** Of each zone. */
const mostSnapshots = 20

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
  await writeFileAtomic(join(folder, `${now.toISOString().replaceAll(':', '')}.json`), `${JSON.stringify(content, null, 1)}\n`)
  for (const name of (await snapshotNames(folder)).slice(0, -mostSnapshots)) await rm(join(folder, name), { force: true })
}

export const snapshotNames = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter(name => name.endsWith('.json')).sort()

export function inverse(correction: Correction): Correction {
  if (correction.type === 'remove') return { type: 'put', set: correction.before, before: undefined }
  const { set, before } = correction
  return before === undefined ? { type: 'remove', before: set } : { type: 'put', set: before, before: set }
}

import { rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { StaticDomain } from '../../desired-state/state.ts'
import { systemCode } from '../../runtime/os/errors.ts'
import {
  makeDirectory,
  readTextIfExists,
  removeIfExists,
  statIfExists,
  syncDirectory,
  writeFileAtomic,
} from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { parseJson } from '../../runtime/os/json.ts'
import { namesIn } from './generation.ts'
import { shortened } from './model.ts'
import { isPlaceholder, webRoot, webRootExists } from './web-roots.ts'

/** Where the files of a host went when it was removed. */
export interface ArchivedRoot {
  /** As it was declared then: below `www/`. */
  readonly root: string
  /** Of the folder in the archive. */
  readonly name: string
  /** ISO 8601; when they came back from there. */
  readonly back?: string | undefined
}

const note = z.object({
  host: z.string(),
  root: z.string(),
  // One folder of the archive itself, and none that a path would lead to.
  name: z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/),
  back: z.string().optional(),
})

/** One note for each host that was ever removed; what is archived has names that end with a time, whatever their `root`. */
const placeOf = ({ archive }: Pick<Home, 'archive'>): string => join(archive, 'sites')
const fileOf = (host: string): string => `${shortened(host)}.json`

/** Before the files go there: a death in between leaves a note of what is not there, which says nothing. */
export async function noteArchived(home: Home, host: string, archived: ArchivedRoot): Promise<void> {
  await makeDirectory(placeOf(home), 0o700)
  await writeFileAtomic(join(placeOf(home), fileOf(host)), JSON.stringify({ host, ...archived }))
}

/** Of these sites, what is in the archive for them, or came back from there. One look at a folder for all of them. */
export async function archivedRoots(home: Home, domains: Iterable<StaticDomain>): Promise<ReadonlyMap<string, ArchivedRoot>> {
  const names = new Set(await namesIn(placeOf(home)))
  const found = new Map<string, ArchivedRoot>()
  for (const domain of names.size === 0 ? [] : domains) {
    const archived = names.has(fileOf(domain.host)) ? await archivedRoot(home, domain) : undefined
    if (archived !== undefined) found.set(domain.host, archived)
  }
  return found
}

/**
 * Of a site whose files are nobody else's to bring, as it was declared when they went. Undefined where nothing is left of
 * them, or nothing that anybody would miss.
 */
async function archivedRoot(home: Home, { host, root, deploy }: StaticDomain): Promise<ArchivedRoot | undefined> {
  if (deploy !== undefined) return undefined
  const text = await readTextIfExists(join(placeOf(home), fileOf(host)))
  const parsed = note.safeParse(parseJson(text ?? ''))
  if (!parsed.success || parsed.data.host !== host || parsed.data.root !== root) return undefined
  const { name, back } = parsed.data
  if (back !== undefined) return { root, name, back }
  const folder = join(home.archive, name)
  const isThere = (await statIfExists(folder))?.isDirectory() === true && !(await isPlaceholder(folder))
  return isThere ? { root, name } : undefined
}

/**
 * Gives a site whose web root is missing the files that it had when it was removed; says whether there were any. They go
 * as they are, in one step, and only to where nothing is.
 */
export async function bringBack(home: Home, domain: StaticDomain, now: Date): Promise<boolean> {
  const folder = webRoot(home, domain.root)
  if (webRootExists(home, domain.root) || (await statIfExists(folder)) !== undefined) return false
  const archived = await archivedRoot(home, domain)
  if (archived === undefined) return false
  if (archived.back !== undefined) {
    // They came back once, and are gone again since then.
    await removeIfExists(join(placeOf(home), fileOf(domain.host)))
    return false
  }
  await makeDirectory(dirname(folder))
  try {
    await rename(join(home.archive, archived.name), folder)
  } catch (error) {
    // Another disk by now: there they stay, as whole as they are.
    if (systemCode(error) === 'EXDEV') return false
    throw error
  }
  await Promise.all([home.archive, dirname(folder)].map(syncDirectory))
  await noteArchived(home, domain.host, { ...archived, back: now.toISOString() })
  return true
}

import { lstatSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { StaticDomain } from '../../desired-state/state.ts'
import { ApplianceError, systemCode } from '../../runtime/os/errors.ts'
import {
  makeDirectory,
  readLinkIfExists,
  removeIfExists,
  statIfExists,
  syncDirectory,
  writeFileAtomic,
} from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { fileName, relativePath } from './harmless.ts'
import { shortened } from './model.ts'
import { placeholderMark, placeholderPage } from './placeholder.ts'

export const webRoot = (home: Home, root: string) => join(home.www, relativePath(root))

const strange = new Set(['ENOTDIR', 'EACCES', 'ELOOP'])

/** Whether nginx finds a folder there, itself or behind a link of ours. */
export function webRootExists(home: Home, root: string): boolean {
  try {
    return lstatSync(`${webRoot(home, root)}/.`, { throwIfNoEntry: false })?.isDirectory() ?? false
  } catch (error) {
    // A file, a folder that is closed to us, or links in a circle: this site's own trouble, which making it will say.
    if (strange.has(systemCode(error) ?? '')) return false
    throw error
  }
}

/** Gives a site whose web root is missing a folder with one page that says where to put files. */
export async function makeWebRoot(home: Home, domain: StaticDomain): Promise<void> {
  const folder = webRoot(home, domain.root)
  if (webRootExists(home, domain.root)) return
  if ((await readLinkIfExists(folder)) !== undefined) await removeIfExists(folder)
  else if (await statIfExists(folder)) {
    throw new ApplianceError('stalled', `${folder} is no folder that can be served`, {
      hint: 'move it away, or give the user of the appliance the right to read it',
    })
  }
  const temporary = join(dirname(folder), `.${shortened(domain.host)}.new`)
  await makeDirectory(dirname(folder))
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary)
  const index = domain.index.find(name => /\.html?$/.test(name)) ?? domain.index[0] ?? 'index.html'
  await writeFileAtomic(join(temporary, fileName(index)), placeholderPage(domain.host, folder))
  try {
    await rename(temporary, folder)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (!webRootExists(home, domain.root)) throw error
  }
  await syncDirectory(dirname(folder))
}

/** Whether a folder holds nothing but our own page, so that nobody misses it. */
export async function isPlaceholder(folder: string): Promise<boolean> {
  const names = await readdir(folder)
  if (names.length === 0) return true
  if (names.length > 1) return false
  const path = join(folder, names[0] ?? '')
  const stat = await statIfExists(path)
  if (!stat?.isFile() || stat.size > 100_000) return false
  return (await readFile(path, 'utf8')).includes(placeholderMark)
}

/**
 * Moves a web root and its releases to the archive; nothing is deleted but our own placeholder page. `noted` hears the name
 * of the folder that the files are about to have there, if they are any but that page.
 */
export async function archiveWebRoot(
  home: Home,
  root: string,
  now: Date,
  noted?: (name: string) => Promise<void>,
): Promise<void> {
  const folder = webRoot(home, root)
  const releases = join(home.releases, relativePath(root))
  const link = (await statIfExists(folder))?.isSymbolicLink() ?? false
  if (await statIfExists(releases)) await moveToArchive(home, releases, `${archiveName(root, now)}-releases`)
  if (link) await removeIfExists(folder)
  else if (await statIfExists(folder)) {
    const name = await freeName(home.archive, archiveName(root, now))
    if (!(await isOurPage(folder))) await noted?.(name)
    await moveToArchive(home, folder, name)
  }
  await syncDirectory(dirname(folder))
}

const isOurPage = async (folder: string) => (await statIfExists(folder))?.isDirectory() === true && (await isPlaceholder(folder))

export const archiveName = (root: string, now: Date) => `${root.replaceAll('/', '-').slice(0, 180)}-${archiveTime(now)}`

/** To the millisecond, as it stands in names. */
export const archiveTime = (now: Date): string => now.toISOString().replace(/[:.Z]/g, '').replace('T', '-')

export const moveToArchive = (home: Home, path: string, name: string): Promise<string> => moveInto(home.archive, path, name)

/** A name that is taken gets a number, so that nothing in the folder is ever overwritten. */
export async function moveInto(folder: string, path: string, name: string): Promise<string> {
  await makeDirectory(folder)
  const target = join(folder, await freeName(folder, name))
  await rename(path, target)
  await syncDirectory(folder)
  return target
}

async function freeName(folder: string, name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${name}.${number}`
    if (!(await statIfExists(join(folder, free)))) return free
  }
}

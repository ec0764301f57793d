import { randomBytes } from 'node:crypto'
import { link, lstat, mkdir, open, readFile, readlink, rename, symlink, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemCode } from './errors.ts'

/**
 * Replaces a file as a whole: write beside it, fsync, rename, fsync of the directory. After a crash at any moment the
 * file has its old or its new content, never a part.
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = besides(path)
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await removeIfExists(temporary)
    throw error
  }
  await syncDirectory(dirname(path))
}

/** Points a symbolic link at `target` in one step, whether or not it existed. */
export async function replaceLink(path: string, target: string): Promise<void> {
  const temporary = besides(path)
  await symlink(target, temporary)
  try {
    await rename(temporary, path)
  } catch (error) {
    await removeIfExists(temporary)
    throw error
  }
  await syncDirectory(dirname(path))
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const readTextIfExists = (path: string): Promise<string | undefined> => absent(readFile(path, 'utf8'))

export const readLinkIfExists = (path: string): Promise<string | undefined> => absent(readlink(path))

export const statIfExists = (path: string) => absent(lstat(path))

export async function removeIfExists(path: string): Promise<void> {
  await absent(unlink(path))
}

export async function makeDirectory(path: string, mode = 0o755): Promise<void> {
  await mkdir(path, { recursive: true, mode })
}

/** Gives a file a second name; nothing happens when the name is there already. */
export async function linkIfAbsent(existing: string, path: string): Promise<void> {
  try {
    await link(existing, path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}

async function absent<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EINVAL') return undefined
    throw error
  }
}

const besides = (path: string) => join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`)

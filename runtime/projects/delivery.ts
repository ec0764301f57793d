import { constants } from 'node:fs'
import { open, readlink } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { ApplianceError, systemCode } from '../os/errors.ts'

/**
 * Bytes of a file that an agent has put into its workspace. What counts is the file that was opened, not its name: a link
 * that leads out, and one that is swapped in meanwhile, are refused.
 */
export async function readDelivery(workspace: string, path: string, limit: number): Promise<Uint8Array> {
  if (isAbsolute(path) || path.includes('\0')) throw refused(path, 'is not a path inside the workspace')
  const handle = await open(join(workspace, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    cause => {
      throw refused(path, systemCode(cause) === 'ENOENT' ? 'does not exist' : 'cannot be opened as a plain file')
    },
  )
  try {
    const opened = relative(workspace, await readlink(`/proc/self/fd/${handle.fd}`))
    if (opened === '' || opened.startsWith('..') || isAbsolute(opened)) throw refused(path, 'leads out of the workspace')
    const { size, nlink, ...stat } = await handle
      .stat()
      .then(found => ({ size: found.size, nlink: found.nlink, file: found.isFile() }))
    if (!stat.file || nlink !== 1) throw refused(path, 'is not a plain file of its own')
    if (size > limit) throw refused(path, `has ${size} bytes; ${limit} are allowed`)
    const bytes = new Uint8Array(size)
    const { bytesRead } = await handle.read(bytes, 0, size, 0)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

const refused = (path: string, why: string) => new ApplianceError('invalid', `${JSON.stringify(path.slice(0, 200))} ${why}`)

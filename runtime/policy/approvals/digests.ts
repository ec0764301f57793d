import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { systemCode } from '../../os/errors.ts'
import type { Need } from '../action.ts'

/** Bytes of one file that are hashed; a larger one cannot be bound. */
const largest = 256 * 1024 * 1024

/**
 * The first file whose content is not what the request says, or undefined. Agents can change these files: nothing of them
 * is believed, only hashed. What was a file when it was asked for and is none now has changed as well: a pipe in its place
 * would give the command whatever another one writes into it.
 */
export async function changedFile(needs: readonly Need[]): Promise<string | undefined> {
  for (const { path, digest } of needs.flatMap(need => (need.kind === 'run' ? need.files : []))) {
    if ((await digestOf(path)) !== digest) return path
  }
  return undefined
}

const unseen = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ENXIO', 'ELOOP', 'EISDIR', 'ENAMETOOLONG'])

/** Undefined for what is not there, not ours to see, or no plain file. */
async function digestOf(path: string): Promise<string | undefined> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(error => {
    if (unseen.has(systemCode(error) ?? '')) return undefined
    throw error
  })
  if (handle === undefined) return undefined
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) return undefined
    if (stat.size > largest) return 'too large'
    const hash = createHash('sha256')
    const chunk = Buffer.alloc(1 << 18)
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, null)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(chunk.subarray(0, bytesRead))
    }
  } finally {
    await handle.close()
  }
}

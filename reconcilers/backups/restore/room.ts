import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { explain, systemCode } from '../../../runtime/os/errors.ts'
import { statIfExists } from '../../../runtime/os/files.ts'
import { ResticRefusal } from '../restic/refusal.ts'

/** Bytes that nothing may take: of a disk that is full Postgres ends, and with it the appliance. */
const spare = 128 * 1024 * 1024
/** Bytes with which a restore is ended that had the room when it began: something else took it. */
const least = spare / 2
/** Milliseconds between two looks at the disk. */
const pause = 100

/** Throws `full` unless the disk of a folder, which need not be there yet, has so many bytes and some to spare. */
export async function refuseWithoutRoom(folder: string, bytes: number, what: string): Promise<void> {
  const free = await freeOf(folder)
  if (free >= bytes + spare) return
  throw new ResticRefusal(
    'full',
    'failed',
    `${what} takes ${megabytes(bytes)} and ${megabytes(spare)} to spare, and the disk of ${folder} has ${megabytes(free)}`,
    'make room there, or name a folder on another disk; nothing of it stays',
  )
}

/**
 * Does what fills a folder, and ends it by its signal before the disk is full: two restores at once, or anything else that
 * writes there, know nothing of each other's room. Throws `full` then.
 */
export async function withinRoom<Result>(
  folder: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController()
  const look = async () => {
    const free = await freeOf(folder)
    if (free < least) ending.abort(becameFull(folder, `${megabytes(free)} are left, and ${megabytes(least)} have to stay`))
  }
  const timer = setInterval(() => void look().catch(() => {}), pause)
  try {
    const result = await work(AbortSignal.any([signal, ending.signal]))
    await look()
    ending.signal.throwIfAborted()
    return result
  } catch (error) {
    ending.signal.throwIfAborted()
    throw saysFull(error) ? becameFull(folder, explain(error)) : error
  } finally {
    clearInterval(timer)
  }
}

const saysFull = (error: unknown) =>
  ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '') || /no space left on device|disk quota exceeded/i.test(explain(error))

const becameFull = (folder: string, words: string) =>
  new ResticRefusal(
    'full',
    'failed',
    `the disk of ${folder} became full meanwhile: ${words}`,
    'make room there, or name a folder on another disk, and restore again; what was half there is removed',
  )

async function freeOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(await nearest(folder))
  return bavail * bsize
}

export const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_000_000).toLocaleString('en')} MB`

async function nearest(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) if ((await statIfExists(at)) !== undefined || at === '/') return at
}

import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { statIfExists } from '../../../runtime/os/files.ts'
import { ResticRefusal } from '../restic/refusal.ts'

/** Bytes that nothing may take: of a disk that is full Postgres ends, and with it the appliance. */
const spare = 128 * 1024 * 1024

/**
 * Throws `full` unless the disk of a folder, which need not be there yet, has so many bytes and some to spare. Restores of one
 * appliance go one after the other, so none counts on what another will take.
 */
export async function refuseWithoutRoom(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(await nearest(folder))
  const free = bavail * bsize
  if (free >= bytes + spare) return
  throw new ResticRefusal(
    'full',
    'failed',
    `${what} takes ${megabytes(bytes)} and ${megabytes(spare)} to spare, and the disk of ${folder} has ${megabytes(free)}`,
    'make room there, or name a folder on another disk; nothing was written',
  )
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_000_000).toLocaleString('en')} MB`

async function nearest(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) if ((await statIfExists(at)) !== undefined || at === '/') return at
}

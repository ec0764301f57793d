import { hostname } from 'node:os'
import type { Log } from '../../runtime/os/log.ts'
import { processFacts } from '../../runtime/os/process.ts'
import type { Restic } from './restic/restic.ts'

/**
 * After a run that was killed: takes its lock away, which nobody else would. A lock is ours when it was made on this
 * machine since that run began, by a process that lives no more; locks of others stay.
 */
export async function removeOwnLocks(restic: Restic, since: Date, log: Log): Promise<void> {
  const locks = await restic.locks()
  // restic writes its time a moment before it writes the lock.
  const from = since.getTime() - 1_000
  const dead = locks.filter(
    lock => lock.hostname === hostname() && lock.time.getTime() >= from && processFacts(lock.pid) === undefined,
  )
  if (dead.length === 0) return
  // Like us, restic only takes away what nobody alive holds.
  await restic.unlock()
  log.info('locks of a killed run removed', { count: dead.length })
}

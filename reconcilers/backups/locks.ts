import { hostname } from 'node:os'
import type { Log } from '../../runtime/os/log.ts'
import { processFacts } from '../../runtime/os/process.ts'
import type { Restic, ResticLock } from './restic/restic.ts'

/** Milliseconds after which a lock that nobody has renewed is nobody's: every restic renews its own each five minutes. */
const renewed = 2 * 60 * 60_000

/**
 * After a run that failed: takes its lock away, which nobody else would, and those that the dead have left. A lock is ours when
 * it was made on this machine since that run began, by a process that lives no more; one of a machine that is gone has not been
 * renewed for hours. Others stay.
 */
export async function removeDeadLocks(restic: Restic, since: Date, now: Date, log: Log): Promise<void> {
  const locks = await restic.locks()
  // restic writes its time a moment before it writes the lock.
  const from = since.getTime() - 1_000
  const isOurs = ({ hostname: host, time, pid }: ResticLock) =>
    host === hostname() && time.getTime() >= from && processFacts(pid) === undefined
  const dead = locks.filter(lock => isOurs(lock) || lock.time.getTime() < now.getTime() - renewed)
  if (dead.length === 0) return
  // Like us, restic only takes away what nobody alive holds.
  await restic.unlock()
  log.info('locks of the dead removed', { count: dead.length })
}

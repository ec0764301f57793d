import { Database } from 'bun:sqlite'
import { readFileSync, statSync } from 'node:fs'
import { systemCode } from './errors.ts'

export type LockOutcome =
  | { readonly taken: true; readonly release: () => void }
  /** `holder`: its pid, when the kernel shows it to us. */
  | { readonly taken: false; readonly holder: number | undefined }

/**
 * Takes an exclusive lock that the kernel frees when this process ends, however it ends. Children do not inherit it.
 * It is SQLite's lock on an empty database: the one advisory file lock that Bun offers. Nothing else may open the file
 * in this process: closing any handle of it would drop the lock.
 */
export function takeLock(path: string): LockOutcome {
  const database = new Database(path, { create: true })
  try {
    // Of two that start at once one waits for the other to give up; without a wait both would.
    database.run('PRAGMA busy_timeout = 300')
    database.run('PRAGMA journal_mode = MEMORY')
    database.run('BEGIN EXCLUSIVE')
    held.add(database)
    return { taken: true, release: () => release(database) }
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw error
    return { taken: false, holder: lockHolder(path) }
  }
}

/** A collected database would close its file, and drop a lock whose caller kept no reference. */
const held = new Set<Database>()

function release(database: Database): void {
  held.delete(database)
  database.close()
}

const isBusy = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'

/** The pid that has the lock; undefined when nobody has it, or the kernel does not show who. Never opens the file. */
export function lockHolder(path: string): number | undefined {
  const inode = inodeOf(path)
  for (const line of readFileSync('/proc/locks', 'utf8').split('\n')) {
    const match = /POSIX\s+ADVISORY\s+WRITE\s+(\d+)\s+\w+:\w+:(\d+)/.exec(line)
    if (match !== null && Number(match[2]) === inode) return Number(match[1])
  }
  return undefined
}

/** Undefined also where we may not look. */
function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined
    throw error
  }
}

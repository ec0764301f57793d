import { type StatsFs, statfsSync } from 'node:fs'

/** A file system, and how it stands. */
export interface Room {
  readonly folder: string
  /** Bytes that a user may still write, and those that are kept for the server. */
  readonly free: number
  readonly reserve: number
  /** The same for the number of files; 0 where the file system has no such number. */
  readonly files: number
  readonly reservedFiles: number
}

/** What the databases, the audit and the sites need to go on: a gibibyte, or a twentieth of a small disk. */
const largestReserve = 2 ** 30
/** By how much others may have filled it meanwhile. */
const slack = { bytes: 16 * 2 ** 20, files: 1_000 } as const

type Facts = Pick<StatsFs, 'bsize' | 'blocks' | 'bavail' | 'files' | 'ffree'>

/** Undefined where it cannot be seen. */
export function roomOf(folder: string, look: (folder: string) => Facts = path => statfsSync(path)): Room | undefined {
  try {
    const { bsize, blocks, bavail, files, ffree } = look(folder)
    const reserve = Math.min(largestReserve, (blocks * bsize) / 20)
    return { folder, free: bavail * bsize, reserve, files: ffree, reservedFiles: files / 50 }
  } catch {
    return undefined
  }
}

/** Whether it became short since `before`. One that was short already is not the command's doing: it may be the one that makes room. */
export function isRunningOut(before: Room, now: Room | undefined): boolean {
  if (now === undefined) return false
  const short = now.free < now.reserve && now.free < before.free - slack.bytes
  return short || (now.reservedFiles > 0 && now.files < now.reservedFiles && now.files < before.files - slack.files)
}

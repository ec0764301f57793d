import { appendFile, open, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../os/files.ts'
import { judgeLine, type Link, origin } from './line.ts'
import { currentName, lastLine, segmentsIn } from './segments.ts'

export interface Recovered {
  /** Where the chain goes on. */
  readonly last: Link
  /** Sequence of the first line of the file that grows. */
  readonly first: number
  /** Bytes of the file that grows. */
  readonly size: number
  /** What a crash left half written, set aside. */
  readonly setAside: { readonly bytes: number; readonly file: string } | undefined
}

/** Finds the end of the chain. A line that a crash cut short is kept in a file of its own, never dropped. */
export async function recover(folder: string, now: Date): Promise<Recovered> {
  const current = join(folder, currentName)
  await (await open(current, 'a', 0o600)).close()
  await syncDirectory(folder)
  const setAside = await setTornAside(folder, current, now)
  const segments = await segmentsIn(folder)
  const { size } = await lastLine(current)
  const before = await endOf(segments.slice(0, -1).map(({ path }) => path))
  const last = size === 0 ? before : await endOf([current], before)
  return { last, first: size === 0 ? last.sequence + 1 : before.sequence + 1, size, setAside }
}

/** The last link of the newest file; of a line that is none, what it claims is all there is to go on from. */
async function endOf(paths: readonly string[], otherwise: Link = origin): Promise<Link> {
  const path = paths.at(-1)
  if (path === undefined) return otherwise
  const { bytes } = await lastLine(path)
  return (bytes && judgeLine(bytes)?.link) ?? otherwise
}

async function setTornAside(folder: string, current: string, now: Date): Promise<Recovered['setAside']> {
  const { bytes, torn, size } = await lastLine(current)
  // A power cut leaves zeros where a page was not written.
  const zeros = torn === 0 && bytes !== undefined && bytes.includes(0) ? bytes.length + 1 : torn
  if (zeros === 0) return undefined
  const file = `torn-${now.toISOString().replaceAll(':', '-')}.part`
  const handle = await open(current, 'r')
  const buffer = Buffer.alloc(zeros)
  try {
    await handle.read(buffer, 0, zeros, size - zeros)
  } finally {
    await handle.close()
  }
  const path = join(folder, file)
  await appendFile(path, buffer, { mode: 0o600, flush: true })
  await syncDirectory(folder)
  await truncate(current, size - zeros)
  return { bytes: zeros, file }
}

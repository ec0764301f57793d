import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The file that grows; when it is full it gets the name of its first line. */
export const currentName = 'audit.jsonl'

/** Bytes after which a segment is full. */
export const largestSegment = 64 * 1024 * 1024

/** `audit-000000000001.jsonl`: sorted by name they are sorted by age. */
export const segmentName = (first: number): string => `audit-${String(first).padStart(12, '0')}.jsonl`

export interface Segment {
  readonly path: string
  readonly name: string
  /** Sequence of its first line by its name; undefined for the one that grows. */
  readonly first: number | undefined
}

/** Every segment of the folder, oldest first; the one that grows is the last. */
export async function segmentsIn(folder: string): Promise<readonly Segment[]> {
  const names = await readdir(folder)
  const full = names.filter(name => /^audit-\d{12,}\.jsonl$/.test(name)).sort()
  const segments = full.map(name => ({ path: join(folder, name), name, first: Number(name.slice(6, -6)) }))
  return names.includes(currentName)
    ? [...segments, { path: join(folder, currentName), name: currentName, first: undefined }]
    : segments
}

/** Bytes that one line may have; the writer keeps far below it. */
const longestLine = 4 << 20

export interface RawLine {
  /** Without the line break; valid until the next one is asked for. */
  readonly bytes: Uint8Array
  /** Where it begins in the file. */
  readonly offset: number
  /** False for a last line without a line break. */
  readonly complete: boolean
}

/** The lines of a file from an offset, in batches of what was read at once. */
export async function* linesOf(path: string, from = 0, chunkBytes = 1 << 20): AsyncGenerator<readonly RawLine[]> {
  const handle = await open(path, 'r')
  try {
    let rest: Uint8Array<ArrayBufferLike> = new Uint8Array()
    let offset = from
    for (let position = from; ; ) {
      const chunk = Buffer.allocUnsafe(chunkBytes)
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes, position)
      if (bytesRead === 0) break
      position += bytesRead
      const fresh = chunk.subarray(0, bytesRead)
      const bytes = rest.length === 0 ? fresh : Buffer.concat([rest, fresh])
      const { lines, end } = cut(bytes, offset)
      if (lines.length > 0) yield lines
      rest = bytes.subarray(end)
      offset += end
      if (rest.length > longestLine) break
    }
    if (rest.length > 0) yield [{ bytes: rest, offset, complete: false }]
  } finally {
    await handle.close()
  }
}

function cut(bytes: Uint8Array, offset: number): { readonly lines: readonly RawLine[]; readonly end: number } {
  const lines: RawLine[] = []
  let start = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, start)) {
    lines.push({ bytes: bytes.subarray(start, at), offset: offset + start, complete: true })
    start = at + 1
  }
  return { lines, end: start }
}

/** The last complete line of a file, and how many bytes follow it. */
export async function lastLine(
  path: string,
): Promise<{ readonly bytes: Uint8Array | undefined; readonly torn: number; readonly size: number }> {
  const { size } = await stat(path)
  for (let span = 1 << 16; ; span *= 4) {
    const from = Math.max(0, size - span)
    const handle = await open(path, 'r')
    try {
      const buffer = Buffer.alloc(size - from)
      await handle.read(buffer, 0, buffer.length, from)
      const end = buffer.lastIndexOf(10)
      const start = end <= 0 ? -1 : buffer.lastIndexOf(10, end - 1)
      if (start === -1 && from > 0) continue
      if (end === -1) return { bytes: undefined, torn: size, size }
      return { bytes: buffer.subarray(start + 1, end), torn: buffer.length - end - 1, size }
    } finally {
      await handle.close()
    }
  }
}

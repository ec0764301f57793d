import { open } from 'node:fs/promises'
import { statIfExists } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import { nginxLayout } from '../../runtime/services/nginx-layout.ts'

/** What visitors asked of one host name in the last 24 hours. */
export interface HostTraffic {
  readonly requests: number
  /** Of bodies that were sent. */
  readonly bytes: number
  /** Requests that ended with a 5xx. */
  readonly errors: number
}

export interface Traffic {
  /** By host name as it was asked for, lower case. */
  readonly hosts: ReadonlyMap<string, HostTraffic>
  /** The logs go back to here: 24 hours, or less when they were put aside sooner. Undefined: nobody has asked anything. */
  readonly since: Date | undefined
}

const hour = 3_600_000
const hoursKept = 24
/** Names in one hour; whoever asks for invented names adds none above it. */
const mostNames = 5_000
const blockSize = 1024 * 1024

type Counts = { requests: number; bytes: number; errors: number }

/** By hour since 1970, then by host. */
type Buckets = Map<number, Map<string, Counts>>

interface Tail {
  readonly inode: number
  readonly offset: number
}

/**
 * Counts nginx's access log, the one file that knows of every visit. Nothing is stored and nothing happens between two
 * questions: each reads what has been written since the last one, the first one also the log that was put aside before.
 */
export function createTraffic(home: Home, now: () => Date): () => Promise<Traffic> {
  const { accessLog } = nginxLayout(home)
  const buckets: Buckets = new Map()
  const inTurn = oneAtATime()
  let tail: Tail | undefined
  let oldest: number | undefined

  const take = (line: string) => {
    const visit = parseVisit(line)
    if (visit === undefined) return
    oldest ??= visit.at
    count(buckets, visit)
  }

  return () =>
    inTurn(async () => {
      const aside = await statIfExists(`${accessLog}.1`)
      const rotated = aside !== undefined && (tail === undefined || aside.ino === tail.inode)
      if (rotated) tail = { inode: aside.ino, offset: await readLines(`${accessLog}.1`, tail?.offset ?? 0, take) }
      const current = await statIfExists(accessLog)
      const known = current !== undefined && current.ino === tail?.inode && current.size >= tail.offset
      if (current !== undefined) {
        tail = { inode: current.ino, offset: await readLines(accessLog, known ? (tail?.offset ?? 0) : 0, take) }
      }
      const first = Math.floor(now().getTime() / hour) - hoursKept
      for (const bucket of buckets.keys()) if (bucket <= first) buckets.delete(bucket)
      return { hosts: totals(buckets), since: oldest === undefined ? undefined : new Date(Math.max(oldest, (first + 1) * hour)) }
    })
}

function count(buckets: Buckets, { host, at, status, bytes }: Visit): void {
  const bucket = Math.floor(at / hour)
  const names = buckets.get(bucket) ?? new Map<string, Counts>()
  buckets.set(bucket, names)
  const counts = names.get(host) ?? { requests: 0, bytes: 0, errors: 0 }
  if (counts.requests === 0 && names.size >= mostNames) return
  names.set(host, counts)
  counts.requests += 1
  counts.bytes += bytes
  if (status >= 500) counts.errors += 1
}

function totals(buckets: Buckets): ReadonlyMap<string, HostTraffic> {
  const all = new Map<string, Counts>()
  for (const names of buckets.values()) {
    for (const [host, { requests, bytes, errors }] of names) {
      const sum = all.get(host) ?? { requests: 0, bytes: 0, errors: 0 }
      all.set(host, { requests: sum.requests + requests, bytes: sum.bytes + bytes, errors: sum.errors + errors })
    }
  }
  return all
}

/** Gives every whole line from an offset on; the answer is where the first line that is not whole yet begins. */
async function readLines(path: string, from: number, take: (line: string) => void): Promise<number> {
  const file = await open(path)
  try {
    const block = Buffer.alloc(blockSize)
    let begin = from
    for (;;) {
      const { bytesRead } = await file.read(block, 0, blockSize, begin)
      const end = block.subarray(0, bytesRead).lastIndexOf(10) + 1
      if (end === 0 && bytesRead < blockSize) return begin
      for (const line of block.toString('latin1', 0, end).split('\n')) take(line)
      // A line as long as a block is none that nginx wrote: it is skipped.
      begin += end === 0 ? bytesRead : end
      if (bytesRead < blockSize) return begin
    }
  } finally {
    await file.close()
  }
}

/** nginx writes a quote in what a visitor sent as \x22: the fields around it cannot be forged. */
const visitPattern = /^(\S+) \S+ - .*? \[([^\]]{26})\] "[^"]*" (\d{3}) (\d+) "/

interface Visit {
  readonly host: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly status: number
  readonly bytes: number
}

export function parseVisit(line: string): Visit | undefined {
  const [, host = '', time = '', status = '', bytes = ''] = visitPattern.exec(line) ?? []
  const at = parseTime(time)
  return at === undefined ? undefined : { host, at, status: Number(status), bytes: Number(bytes) }
}

/** `28/Nov/2026:17:10:21 +0000`. */
function parseTime(text: string): number | undefined {
  const [, day = '', month = '', year = '', clock = '', zone = ''] =
    /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})$/.exec(text) ?? []
  const at = Date.parse(`${day} ${month} ${year} ${clock} ${zone}`)
  return Number.isNaN(at) ? undefined : at
}

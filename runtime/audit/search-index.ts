import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import type { Store } from '../store/store.ts'
import type { AuditLine } from './event.ts'
import { judgeLine } from './line.ts'
import { parseAuditLine } from './parse.ts'
import { linesOf, segmentsIn } from './segments.ts'

export interface SearchIndexDeps {
  readonly store: Store
  readonly folder: string
  readonly clock: Clock
  readonly log: Log
}

/** Follows the file into Postgres, and catches up after a crash or an outage by itself. */
export interface SearchIndex {
  /** The file has grown. */
  wake(): void
  /** Resolves when everything that stood in the file at the call can be found. */
  caughtUp(): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds between two tries while Postgres is away. */
const pause = 2_000

/** Milliseconds in which lines gather, so that many go in one statement. */
const gathering = 50

/** Rows of one statement. */
const batchSize = 500

export function startSearchIndex(deps: SearchIndexDeps): SearchIndex {
  const ending = new AbortController()
  let cursor: Cursor | undefined
  let asked = false
  let hurry = new AbortController()
  let running: Promise<void> | undefined

  const run = async () => {
    while (asked && !ending.signal.aborted) {
      await deps.clock.sleep(gathering, AbortSignal.any([ending.signal, hurry.signal]))
      hurry = new AbortController()
      asked = false
      try {
        cursor ??= await findCursor(deps)
        cursor = await follow(deps, cursor, ending.signal)
      } catch (error) {
        if (ending.signal.aborted) break
        deps.log.warn('audit not indexed yet', { error: explain(error) })
        cursor = undefined
        asked = true
        await deps.clock.sleep(pause, ending.signal)
      }
    }
    running = undefined
  }
  const wake = () => {
    asked = true
    running ??= run()
  }
  return {
    wake,
    async caughtUp() {
      wake()
      hurry.abort()
      while (running !== undefined && !ending.signal.aborted) await running
    },
    async stop() {
      ending.abort()
      await running
    },
  }
}

/** How far the index has come: the segment by the sequence of its first line, and the next byte of it. */
interface Cursor {
  readonly first: number
  readonly offset: number
}

const beginning: Cursor = { first: 0, offset: 0 }

interface Numbered {
  readonly path: string
  readonly first: number
}

/** The segments that hold a line, each with the sequence of its first one: names change when a segment is full. */
async function numbered(folder: string): Promise<readonly Numbered[]> {
  const found: Numbered[] = []
  for (const { path, first } of await segmentsIn(folder)) {
    const sequence = first ?? (await firstSequence(path))
    if (sequence !== undefined) found.push({ path, first: sequence })
  }
  return found
}

async function firstSequence(path: string): Promise<number | undefined> {
  for await (const [line] of linesOf(path, 0, 1 << 16)) return line?.complete ? judgeLine(line.bytes)?.link.sequence : undefined
  return undefined
}

/** After the newest indexed line, if the file has the same one there; else everything is indexed anew. */
async function findCursor({ store, folder }: SearchIndexDeps): Promise<Cursor> {
  const rows = await store<{ sequence: string; hash: string }[]>`
    SELECT sequence, hash FROM audit WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1`
  const [newest] = rows
  const sequence = Number(newest?.sequence ?? 0)
  const segment = (await numbered(folder)).findLast(({ first }) => first <= sequence)
  if (newest === undefined || segment === undefined) return beginning
  for await (const batch of linesOf(segment.path)) {
    for (const { bytes, offset } of batch) {
      const link = judgeLine(bytes)?.link
      if (link?.sequence !== sequence) continue
      return link.hash === newest.hash ? { first: segment.first, offset: offset + bytes.length + 1 } : beginning
    }
  }
  return beginning
}

/** Indexes what stands after the cursor; gives where it came to. */
async function follow({ store, folder }: SearchIndexDeps, from: Cursor, signal: AbortSignal): Promise<Cursor> {
  let cursor = from
  for (const { path, first } of await numbered(folder)) {
    if (first < from.first) continue
    cursor = { first, offset: first === from.first ? from.offset : 0 }
    for await (const batch of linesOf(path, cursor.offset)) {
      const complete = batch.filter(line => line.complete)
      for (let at = 0; at < complete.length; at += batchSize) {
        const part = complete.slice(at, at + batchSize)
        await insert(store, part.map(({ bytes }) => parseAuditLine(Buffer.from(bytes).toString('utf8'))).filter(isLine))
        const last = part.at(-1)
        if (last !== undefined) cursor = { first, offset: last.offset + last.bytes.length + 1 }
        if (signal.aborted) return cursor
      }
    }
  }
  return cursor
}

const isLine = (line: AuditLine | undefined): line is AuditLine => line !== undefined

async function insert(store: Store, lines: readonly AuditLine[]): Promise<void> {
  if (lines.length === 0) return
  // A sequence twice in the file is a flaw of the file; one statement takes each once.
  const unique = [...new Map(lines.map(line => [line.sequence, line])).values()]
  const rows = unique.map(line => ({
    sequence: line.sequence,
    hash: line.hash,
    at: line.timestamp,
    type: line.type,
    agent: storable(line.agent),
    user_name: storable(line.user),
    action: storable(line.action),
    target: storable(line.target),
    outcome: line.outcome,
    more: JSON.stringify({
      id: line.id,
      previous: line.previous,
      details: line.details,
      session: line.session,
      address: line.address,
    }),
  }))
  await store`
    INSERT INTO audit ${store(rows)} ON CONFLICT (sequence) DO UPDATE SET hash = excluded.hash, at = excluded.at,
      type = excluded.type, agent = excluded.agent, user_name = excluded.user_name, action = excluded.action,
      target = excluded.target, outcome = excluded.outcome, more = excluded.more`
}

const storable = (text: string) => text.replaceAll('\0', '').toWellFormed()

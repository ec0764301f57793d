import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Log } from '../os/log.ts'
import { oneAtATime } from '../os/one-at-a-time.ts'
import { type Anchor, type AnchorPlace, readNote, renderNote } from './anchor.ts'
import type { Link } from './line.ts'

export interface AnchoringDeps {
  readonly place: AnchorPlace
  readonly key: KeyObject
  readonly clock: Clock
  readonly log: Log
  readonly last: () => Link
  /** Whether the file has this very line. */
  readonly has: (anchor: Anchor) => Promise<boolean>
}

/** Writes the signed note of how far the chain is: at the start, when enough has happened, and at the end. */
export interface Anchoring {
  /** The chain has grown. */
  grown(): void
  /** Notes how far it is now. */
  begin(): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds, and lines, after which a new note is written. */
const longest = 300_000
const mostLines = 1_000

export function startAnchoring(deps: AnchoringDeps): Anchoring {
  const { place, clock, log } = deps
  const next = oneAtATime()
  let noted = -1
  let timer: ReturnType<typeof setTimeout> | undefined
  let writing = false
  const write = async () => {
    clearTimeout(timer)
    timer = undefined
    writing = true
    await next(async () => {
      const { sequence, hash } = deps.last()
      if (sequence === noted) return
      await place.set(renderNote({ sequence, hash, time: clock.now().toISOString() }, deps.key))
      noted = sequence
    }).catch(error => log.warn('audit not anchored', { error: explain(error) }))
    writing = false
  }
  // The first note waits behind this look.
  void next(() => keepContradiction(deps)).catch(error => log.warn('audit anchor not read', { error: explain(error) }))
  return {
    grown() {
      if (writing) return
      if (deps.last().sequence - noted >= mostLines) void write()
      else timer ??= setTimeout(write, longest)
    },
    begin: write,
    async stop() {
      await write()
      clearTimeout(timer)
    },
  }
}

/** A note that says something else than the file is evidence: the next note must not take its place. */
async function keepContradiction({ place, key, clock, log, has }: AnchoringDeps): Promise<void> {
  const note = await place.get()
  const anchor = note === undefined ? undefined : readNote(note, createPublicKey(key))
  if (note === undefined || (anchor !== undefined && (await has(anchor)))) return
  await place.keep(note, clock.now().toISOString().replaceAll(/[:.]/g, '-'))
  log.error('the audit contradicts the note that was kept of it', { hint: 'ai-infra audit verify says where' })
}

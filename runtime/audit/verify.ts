import { join } from 'node:path'
import { explain } from '../os/errors.ts'
import type { Anchor } from './anchor.ts'
import { judgeLine, type Link, origin } from './line.ts'
import { linesOf, segmentsIn } from './segments.ts'

/** One thing that is wrong, and where. */
export interface Flaw {
  readonly file: string
  /** From 1; 0 when it is about no line. */
  readonly line: number
  readonly what: 'edited' | 'removed' | 'inserted' | 'reordered' | 'unreadable' | 'incomplete' | 'cut' | 'rewritten' | 'anchor'
  readonly message: string
}

export interface Verification {
  readonly sound: boolean
  readonly lines: number
  readonly last: Link
  /** The newest note that was checked. */
  readonly anchor: Anchor | undefined
  readonly flaws: readonly Flaw[]
}

export interface VerifyOptions {
  readonly folder: string
  /** Every signed note that is known. */
  readonly anchors: readonly Anchor[]
  /** The runtime is writing: its last line may be half there. */
  readonly writing: boolean
}

/** Flaws that are told; more say nothing new. */
const mostFlaws = 100

/** Reads the whole chain and compares it with the notes that were kept elsewhere. Changes nothing. */
export async function verifyAudit({ folder, anchors, writing }: VerifyOptions): Promise<Verification> {
  const flaws: Flaw[] = []
  const note = (flaw: Flaw) => {
    if (flaws.length < mostFlaws) flaws.push(flaw)
  }
  const wanted = new Map<number, Anchor[]>()
  for (const anchor of anchors) wanted.set(anchor.sequence, [...(wanted.get(anchor.sequence) ?? []), anchor])
  let last = origin
  let lines = 0
  let highest = 0
  for (const { path, name, first } of await segmentsIn(folder)) {
    let number = 0
    if (first !== undefined && first !== last.sequence + 1) {
      note(
        flaw(
          name,
          0,
          'removed',
          `this segment begins with ${first}, and ${last.sequence + 1} comes next: a segment is missing or renamed`,
        ),
      )
    }
    for await (const batch of linesOf(path)) {
      for (const { bytes, complete } of batch) {
        number++
        if (!complete) {
          if (!writing)
            note(
              flaw(
                name,
                number,
                'incomplete',
                'the last line ends in the middle: cut off, or the machine went down while it was written',
              ),
            )
          continue
        }
        lines++
        const judged = judgeLine(bytes)
        if (judged === undefined) {
          note(flaw(name, number, 'unreadable', 'this is no line of the audit'))
          continue
        }
        const { link, previous, sound } = judged
        if (!sound) note(flaw(name, number, 'edited', `line ${link.sequence} was changed after it was written`))
        const broken = brokenLink(last, highest, link, previous)
        if (broken !== undefined) note(flaw(name, number, ...broken))
        for (const anchor of wanted.get(link.sequence) ?? []) {
          if (anchor.hash !== link.hash)
            note(
              flaw(
                name,
                number,
                'rewritten',
                `the note of ${anchor.time} saw another line ${link.sequence}: the chain was written anew`,
              ),
            )
        }
        last = link
        highest = Math.max(highest, link.sequence)
      }
    }
  }
  for (const anchor of anchors) {
    if (anchor.sequence > highest) {
      note(
        flaw(
          join(folder, 'audit.jsonl'),
          0,
          'cut',
          `the end is cut off: ${anchor.time} there were ${anchor.sequence} lines, now the last is ${highest}`,
        ),
      )
    }
  }
  const newest = anchors.toSorted((a, b) => b.sequence - a.sequence)[0]
  return { sound: flaws.length === 0, lines, last, anchor: newest, flaws }
}

const flaw = (file: string, line: number, what: Flaw['what'], message: string): Flaw => ({ file, line, what, message })

/** How a line does not follow the one before it. */
function brokenLink(last: Link, highest: number, link: Link, previous: string): [Flaw['what'], string] | undefined {
  const next = last.sequence + 1
  if (previous === last.hash && link.sequence === next) return undefined
  if (link.sequence > next) {
    const missing = link.sequence - next
    return [
      'removed',
      `${missing === 1 ? `line ${next} is` : `lines ${next} to ${link.sequence - 1} are`} missing before this one`,
    ]
  }
  if (link.sequence <= highest && link.sequence !== last.sequence)
    return ['reordered', `line ${link.sequence} stands after line ${last.sequence}`]
  if (link.sequence === last.sequence) return ['inserted', `there are two lines ${link.sequence}`]
  return ['edited', `line ${link.sequence} does not follow the line before it: one of them was changed or put in`]
}

export const explainFlaw = ({ file, line, what, message }: Flaw): string =>
  `${file}${line === 0 ? '' : `:${line}`}: ${what}: ${message}`

/** What cannot be read cannot be vouched for. */
export const unreadable = (folder: string, error: unknown): Verification => ({
  sound: false,
  lines: 0,
  last: origin,
  anchor: undefined,
  flaws: [flaw(folder, 0, 'unreadable', explain(error))],
})

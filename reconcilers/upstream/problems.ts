import type { Problem } from '../../desired-state/upstream-standing.ts'
import { explain } from '../../runtime/os/errors.ts'
import type { Stall } from './choose.ts'

export interface Choice {
  readonly command: string
  readonly effect: string
}

const short = (revision: string | undefined) => (revision === undefined ? 'nothing' : revision.slice(0, 8))

const words: Record<Stall, string> = {
  gone: 'its branch is gone',
  rewritten: 'its history was rewritten: what both sides had is missing there',
  diverged: 'each side has commits that the other has not',
  unrelated: 'it has a history of its own, which has nothing to do with the one here',
}

/** Both heads, and that a person has to choose; {@link choicesOf} says between what. */
export const stalled = (reason: Stall, main: string, head: string | undefined): Problem => ({
  ...{ reason, state: 'stalled', main, lines: [] },
  message: `${words[reason]}; here main is ${short(main)}, there it is ${short(head)}; neither side is changed until somebody chooses`,
  ...(head === undefined ? {} : { head }),
})

/** A commit that a push would have been refused for; the first mistake, and the rest with the lines. */
export const invalid = (main: string, head: string, lines: readonly string[]): Problem => ({
  ...{ reason: 'invalid', state: 'stalled', main, head, lines },
  message: `${short(head)} is refused, and ${short(main)} stays in force: ${firstMistake(lines)}; a good commit on top of it goes on`,
})

/** The line that says what is wrong: the one after the headline that counts the mistakes. */
export const firstMistake = (lines: readonly string[]): string => {
  const [headline = 'it cannot be read', first = headline] = lines
  return /(?:mistakes?|\)):$/.test(headline) ? first.trim() : headline
}

export type Unfetchable = 'too-large' | 'malformed' | 'unusable'

/** What is there and cannot be taken: it stays so until it is another commit. */
export const unfetchable = (reason: Unfetchable, error: unknown, main: string, head?: string): Problem => ({
  ...{ reason, state: 'stalled', main, lines: [] },
  ...(head !== undefined && { head }),
  message: `${explain(error)}; ${short(main)} stays in force`,
})

/** What kept us from asking at all. */
export const away = (error: unknown, main: string): Problem => ({
  ...{ reason: 'away', state: 'waiting', main, lines: [] },
  message: `${explain(error)}; it is tried again by itself, and everything is kept as ${short(main)} says meanwhile`,
})

/** Whether it is about one commit there, and over as soon as that is another. */
export const isRefusal = ({ reason }: Problem): boolean => refusals.has(reason)
const refusals: ReadonlySet<Problem['reason']> = new Set(['invalid', 'too-large', 'malformed', 'unusable'])

/** The commands between which a person chooses; they name the heads, so that nobody decides on others than these. */
export function choicesOf(problem: Problem | undefined, command: string): readonly Choice[] {
  if (problem?.state !== 'stalled' || isRefusal(problem)) return []
  const keep = {
    command: `${command} upstream push ${short(problem.main)}`,
    effect:
      problem.reason === 'gone'
        ? 'puts the branch back there, as it is here'
        : 'keeps what is declared here: one new commit with both histories, which goes there without force',
  }
  if (problem.head === undefined) return [keep]
  const take = {
    command: `${command} upstream adopt ${short(problem.head)}`,
    effect: 'takes what is declared there, after the checks of any push; what is here is kept under refs/archive',
  }
  return [take, keep]
}

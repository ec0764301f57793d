/** What is known of both sides after a fetch. */
export interface Facts {
  /** Our main. */
  readonly main: string
  /** The upstream's branch; undefined when it has none. */
  readonly head: string | undefined
  /** The last commit that both sides had; undefined before the first. */
  readonly agreed: string | undefined
  /** Whether the first is in the history of the second. */
  readonly headInMain: boolean
  readonly mainInHead: boolean
  readonly agreedInHead: boolean
}

export type Choice =
  | { readonly step: 'same' }
  /** Ours goes there: it has nothing that we do not have. */
  | { readonly step: 'push' }
  /** Theirs is to be judged like a push, and to be our main when it is good. */
  | { readonly step: 'accept'; readonly head: string }
  /** Nobody but a person can say which one it is to be. */
  | { readonly step: 'stall'; readonly reason: Stall; readonly head: string | undefined }

export type Stall = 'gone' | 'rewritten' | 'diverged' | 'unrelated'

/**
 * Which commit both sides are to have, in four steps. Only what was agreed counts as history: a commit that was refused
 * may be rewritten there freely.
 *
 * 1. The upstream has no such branch: it gets ours, unless both had agreed before; then it is gone, and a person is asked.
 * 2. Its head is in our history: the same is fine, and one that is behind gets ours, unless it has lost what was agreed;
 *    then somebody took it back on purpose, and pushing would undo that.
 * 3. Our main is in its history: its head is judged as a push is, all of its new commits; good, it is our main, and bad,
 *    ours stays, until a later commit on top is good.
 * 4. Else each has what the other has not: diverged, or rewritten where what was agreed is missing there, or unrelated
 *    where nothing ever was agreed. Neither side is changed until a person has chosen.
 */
export function choose({ main, head, agreed, headInMain, mainInHead, agreedInHead }: Facts): Choice {
  if (head === undefined) return agreed === undefined ? { step: 'push' } : { step: 'stall', reason: 'gone', head }
  if (head === main) return { step: 'same' }
  const lost = agreed !== undefined && !agreedInHead
  if (headInMain) return lost ? { step: 'stall', reason: 'rewritten', head } : { step: 'push' }
  if (mainInHead) return { step: 'accept', head }
  return { step: 'stall', reason: lost ? 'rewritten' : agreed === undefined ? 'unrelated' : 'diverged', head }
}

import type { Attempt } from './attempts.ts'

/** Milliseconds by which a clock may be set back without a try being taken for one of the future. */
const skew = 60_000

/** Written down under a clock that was ahead. */
export const isOfFuture = ({ at }: Pick<Attempt, 'at'>, now: number): boolean => at.getTime() > now + skew

export interface Tried extends Attempt {
  /** Milliseconds since 1970; undefined where nobody can say. */
  readonly tried: number | undefined
}

/**
 * When each try was made; the newest first. One of the future was made before those that came after it, and is taken for as
 * late as the next of them; where there is none, for as early as the one before it.
 */
export function datedTries(newestFirst: readonly Attempt[], now: number): readonly Tried[] {
  let tried = newestFirst.find(attempt => !isOfFuture(attempt, now))?.at.getTime()
  return newestFirst.map(attempt => {
    if (!isOfFuture(attempt, now)) tried = attempt.at.getTime()
    return { ...attempt, tried }
  })
}

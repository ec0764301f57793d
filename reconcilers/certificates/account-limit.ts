import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Attempt } from './attempts.ts'
import { isOfFuture } from './tried-at.ts'

/** An authority takes no orders of the account that all hosts share. */
export interface AccountLimit {
  readonly until: Date
  /** The authority's own, and the host that it told them to. */
  readonly words: string
}

/** It is known that the authority would refuse, so it is not asked. */
export class AccountLimited extends ApplianceError {
  constructor({ until, words }: AccountLimit) {
    super('waiting', `${words}; it is tried again at ${shownTime(until)}`)
  }
}

export const shownTime = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`

/**
 * What keeps a host from asking any of these directories; `refusals`: of each directory the last one because of the account. One
 * of the future says nothing: nobody knows when its wait began.
 */
export function accountLimit(
  refusals: ReadonlyMap<string, Attempt>,
  directories: readonly string[],
  now: number,
): AccountLimit | undefined {
  const limits = directories.flatMap(directory => {
    const refusal = refusals.get(directory)
    if (refusal?.notBefore === undefined || isOfFuture(refusal, now) || refusal.notBefore.getTime() <= now) return []
    const { host, failure = '', notBefore } = refusal
    return [{ until: notBefore, words: `${failure}; it said so of the account when asked for ${host}, so all hosts wait` }]
  })
  return limits.sort((a, b) => b.until.getTime() - a.until.getTime())[0]
}

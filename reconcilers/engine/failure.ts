import { backoff } from '../../runtime/os/backoff.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Intent, Retry } from './journal.ts'

/** One second, doubled up to five minutes. */
const retries = { first: 1_000, longest: 300_000 }

/** Also due when it is further away than any wait: the clock was set back. */
export const isDue = ({ nextAt }: Pick<Retry, 'nextAt'>, now: Date): boolean =>
  nextAt <= now || nextAt.getTime() - now.getTime() > 2 * retries.longest

/** What a failed change leaves behind: when to try again, and what to say meanwhile. */
export function retryAfter(intent: Intent, error: unknown, last: Retry | undefined, now: Date, random: number): Retry {
  const attempts = (last?.digest === intent.digest ? last.attempts : 0) + 1
  const state = error instanceof ApplianceError ? stateOf[error.kind] : 'failed'
  return {
    kind: intent.change.kind,
    key: intent.change.key,
    attempts,
    nextAt: new Date(now.getTime() + backoff(retries, state === 'stalled' ? 20 : attempts, random)),
    digest: intent.digest,
    state,
    reason: error instanceof DidNotConverge ? 'did-not-converge' : 'apply-failed',
    message: wordsOf(error, `${intent.change.kind}/${intent.change.key}`),
  }
}

/** It is told under the resource's own name, which an error about that resource need not say again. */
function wordsOf(error: unknown, id: string): string {
  const words = explain(error)
  return words.startsWith(`${id}: `) ? words.slice(id.length + 2) : words
}

const stateOf = { invalid: 'stalled', stalled: 'stalled', waiting: 'waiting', failed: 'failed' } as const

export class DidNotConverge extends ApplianceError {
  constructor(summary: string) {
    super('failed', `did not converge: after the change it still needs: ${summary}`, { hint: 'somebody else may be changing it' })
  }
}

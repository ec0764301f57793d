import type { Attempt } from './attempts.ts'
import type { Renewal } from './renewals.ts'
import type { StoredCertificate } from './stored.ts'
import { datedTries } from './tried-at.ts'

const day = 86_400_000
/** Certificates that an authority's suggestion brings in a day: one that always says "now" is not believed. */
const mostSuggested = 2

type Life = Pick<StoredCertificate, 'begin' | 'end'>

/** At two thirds of its life, whatever that is: authorities shorten it. Milliseconds since 1970. */
export const usualTime = ({ begin, end }: Life): number => begin + ((end - begin) * 2) / 3

/** In the last quarter of its life, before the first alarm. */
export const isWorn = ({ begin, end }: Life, now: number): boolean => now >= end - (end - begin) / 4

/**
 * When a certificate is renewed: at the moment drawn in the authority's window, but not in the last tenth of its life; else
 * at the usual time. Milliseconds since 1970.
 */
export function renewalTime(
  issued: Life & Pick<StoredCertificate, 'directory'>,
  suggested: Renewal['suggested'],
  attempts: readonly Attempt[],
  now: number,
): number {
  if (suggested === undefined) return usualTime(issued)
  const given = datedTries(attempts, now).filter(
    ({ failure, directory, tried }) =>
      failure === undefined && directory === issued.directory && tried !== undefined && tried > now - day,
  )
  if (given.length >= mostSuggested) return usualTime(issued)
  return Math.min(suggested.moment.getTime(), issued.end - (issued.end - issued.begin) / 10)
}

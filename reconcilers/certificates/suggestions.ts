import type { Clock } from '../../runtime/os/clock.ts'
import type { CertificateItem } from './item.ts'
import { askRenewalInfo, type RenewalInfo, type RenewalInfoDeps } from './renewal-info.ts'
import type { Renewal, Renewals } from './renewals.ts'
import type { Certificates, StoredCertificate } from './stored.ts'

export interface SuggestionDeps extends RenewalInfoDeps {
  readonly renewals: Renewals
  readonly certificates: Pick<Certificates, 'chainOf'>
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
}

export interface Held {
  readonly item: CertificateItem
  readonly issued: StoredCertificate
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** Authorities asked at the same time. */
const atOnce = 8

/** What the authorities suggest, by id of the certificate; those whose time has come are asked. Never fails: without an answer the old one counts. */
export async function suggestionsFor(
  deps: SuggestionDeps,
  held: readonly Held[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Renewal>> {
  const known = new Map(await deps.renewals.of(held.map(({ issued }) => issued.id)))
  const now = deps.clock.now().getTime()
  const waiting = held.filter(({ issued }) => isTime(known.get(issued.id), now))
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const renewal = await askAbout(deps, next, known.get(next.issued.id), signal)
      await deps.renewals.keep(renewal)
      known.set(next.issued.id, renewal)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, work))
  return known
}

/** Also when it is further away than any wait: the clock was set back. */
const isTime = (renewal: Renewal | undefined, now: number) =>
  renewal === undefined || renewal.askAt.getTime() <= now || renewal.askAt.getTime() > now + 2 * day

async function askAbout(
  deps: SuggestionDeps,
  { item, issued }: Held,
  before: Renewal | undefined,
  signal: AbortSignal,
): Promise<Renewal> {
  const now = deps.clock.now()
  const after = (milliseconds: number) => new Date(now.getTime() + milliseconds)
  const same = { certificate: issued.id, host: item.host }
  try {
    const info = await askRenewalInfo(deps, item.issuer, deps.certificates.chainOf(item.host, issued.id), now, signal)
    if (info === undefined) return { ...same, suggested: undefined, explanation: undefined, askAt: after(day), failures: 0 }
    const suggested = { start: info.start, end: info.end, moment: momentIn(info, before, deps.random) }
    return { ...same, suggested, explanation: info.explanation, askAt: after(info.askAgain), failures: 0 }
  } catch {
    signal.throwIfAborted()
    const failures = (before?.failures ?? 0) + 1
    const wait = Math.min(minute * 2 ** (failures - 1), 6 * hour)
    return { ...same, suggested: before?.suggested, explanation: before?.explanation, askAt: after(wait), failures }
  }
}

/** Drawn once, and again only when the authority moves its window away from it. */
function momentIn({ start, end }: Pick<RenewalInfo, 'start' | 'end'>, before: Renewal | undefined, random: () => number): Date {
  const drawn = before?.suggested?.moment
  if (drawn !== undefined && drawn >= start && drawn <= end) return drawn
  return new Date(start.getTime() + random() * (end.getTime() - start.getTime()))
}

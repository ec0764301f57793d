import { join } from 'node:path'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Home } from '../../runtime/os/home.ts'
import { type AccountLimit, accountLimit } from './account-limit.ts'
import type { Attempt, Attempts } from './attempts.ts'
import type { Choice } from './choose.ts'
import { type CertificateItem, namesOf } from './item.ts'
import { countShown } from './ledger.ts'
import { findLeft } from './left.ts'
import { pauseAfter } from './pause.ts'
import { type CertbotPlaces, foldersOf, hostsIn } from './places.ts'
import { directoriesAsked } from './rehearsal.ts'
import { isWorn, renewalTime, usualTime } from './renewal-time.ts'
import type { Renewal } from './renewals.ts'
import type { CertificateRequest, Requests } from './requests.ts'
import type { Certificates, StoredCertificate } from './stored.ts'
import { type SuggestionDeps, suggestionsFor } from './suggestions.ts'

export interface ObservedCertificate {
  /** The newest of the declared authority for all names. */
  readonly issued: StoredCertificate | undefined
  /** What visitors get of any authority, of several the one that ends first; undefined while all are this server's own. */
  readonly serving: StoredCertificate | undefined
  /** Names that nobody but this server vouches for. */
  readonly uncovered: readonly string[]
  /** Names that have been without one for a while, or whose one is close to its end. */
  readonly needy: readonly string[]
  /** It has to be renewed by now. */
  readonly due: boolean
  /** Milliseconds to the end of what serves, or since that of the last one. */
  readonly left: number | undefined
  /** What the authority says of its renewal. */
  readonly renewal: Renewal | undefined
  /** The newest first. */
  readonly attempts: readonly Attempt[]
  /** No more tries until then. */
  readonly pausedUntil: Date | undefined
  /** Where that is so because of the account that all hosts share. */
  readonly limit: AccountLimit | undefined
  /** What a person wants done with it; a renewal that has come by other means is none. */
  readonly request: CertificateRequest | undefined
  /** Answers to an authority that still stand in DNS. */
  readonly leftovers: number
}

export interface ObservedCertificates {
  readonly certificates: ReadonlyMap<string, ObservedCertificate>
  /** Hosts that certbot keeps something of. */
  readonly kept: ReadonlySet<string>
  /** Of hosts that nobody declares: what a person wants revoked, and whether its files are there. */
  readonly leaving: ReadonlyMap<string, { readonly request: CertificateRequest; readonly there: boolean }>
}

export interface ObserveDeps extends Omit<SuggestionDeps, 'certificates' | 'clock'> {
  readonly certificates: Certificates
  readonly attempts: Attempts
  readonly requests: Requests
  readonly clock: Clock
  readonly home: Pick<Home, 'archive'>
  readonly places: Pick<CertbotPlaces, 'folder'>
}

const hour = 3_600_000

export async function observeCertificates(
  deps: ObserveDeps,
  desired: ReadonlyMap<string, CertificateItem>,
  signal: AbortSignal,
): Promise<ObservedCertificates> {
  const { certificates, attempts, requests, clock, places } = deps
  const recent = await attempts.recent([...desired.keys()])
  const refusals = await attempts.ofAccounts()
  const held = [...desired.values()].flatMap(item => {
    const issued = certificates.issued(item, item.issuer.directory)
    return issued === undefined ? [] : [{ item, issued }]
  })
  const issuedFor = new Map(held.map(({ item, issued }) => [item.host, issued]))
  const asked = await requests.open()
  const suggestions = await suggestionsFor(deps, held, signal)
  const now = clock.now().getTime()
  const found = new Map<string, ObservedCertificate>()
  for (const item of desired.values()) {
    const issued = issuedFor.get(item.host)
    const tried = recent.get(item.host) ?? []
    const renewal = issued && suggestions.get(issued.id)
    const choice = certificates.chosen({ ...item, tls: 'acme', authority: item.issuer.directory })
    const { shares, uncovered } = choice
    const serving = shares.map(({ certificate }) => certificate).sort((a, b) => a.end - b.end)[0]
    const last = serving ?? issued
    const due = issued !== undefined && now >= renewalTime(issued, renewal?.suggested, tried, now)
    const hurried = due && now < usualTime(issued) ? issued : undefined
    found.set(item.host, {
      ...{
        issued,
        serving,
        uncovered,
        needy: namesInNeed(certificates, item, choice, hurried, now),
      },
      due,
      left: last && last.end - now,
      renewal,
      attempts: tried,
      ...pauseOf(tried, accountLimit(refusals, directoriesAsked(item, tried), now), now),
      request: openRequest(asked.get(item.host), issued),
      leftovers: await leftoversOf(places, item.host),
    })
  }
  return { certificates: found, kept: await hostsIn(places), leaving: await leavingOf(deps, desired, asked) }
}

/**
 * Those whose certificate is in the last quarter of its life, or is wanted renewed by its authority before the usual time, as
 * before it revokes many; and those without one, once one of this server's own has served them for an hour.
 */
function namesInNeed(
  certificates: Certificates,
  item: CertificateItem,
  { shares, uncovered }: Choice,
  hurried: StoredCertificate | undefined,
  now: number,
): readonly string[] {
  const isSoonGone = (one: StoredCertificate) => isWorn(one, now) || one.id === hurried?.id
  const worn = shares.flatMap(({ certificate, names }) => (isSoonGone(certificate) ? names : []))
  const own = uncovered.length === 0 ? undefined : certificates.own(item, new Set())
  const isLongWithout = own !== undefined && now - own.begin > hour
  return namesOf(item).filter(name => worn.includes(name) || (isLongWithout && uncovered.includes(name)))
}

async function leavingOf(
  deps: Pick<ObserveDeps, 'home' | 'certificates'>,
  desired: ReadonlyMap<string, CertificateItem>,
  asked: ReadonlyMap<string, CertificateRequest>,
): Promise<ObservedCertificates['leaving']> {
  const open = [...asked.values()].filter(({ host, action }) => action.type === 'revoke' && !desired.has(host))
  const found = open.map(async request => {
    const there = (await findLeft(deps, request.host, request.certificate)) !== undefined
    return [request.host, { request, there }] as const
  })
  return new Map(await Promise.all(found))
}

function openRequest(request: CertificateRequest | undefined, issued: StoredCertificate | undefined) {
  return request?.action.type === 'renew' && request.certificate !== issued?.id ? undefined : request
}

async function leftoversOf(places: ObserveDeps['places'], host: string): Promise<number> {
  const counts = await Promise.all((await foldersOf(places, host)).map(folder => countShown(join(folder, 'shown'))))
  return counts.reduce((sum, count) => sum + count, 0)
}

function pauseOf(tried: readonly Attempt[], limit: AccountLimit | undefined, now: number) {
  const own = pauseAfter(tried, now)
  return limit === undefined || (own !== undefined && own > limit.until)
    ? { pausedUntil: own, limit: undefined }
    : { pausedUntil: limit.until, limit }
}

import type { Change, Obstacle, Plan, Urgency } from '../engine/reconciler.ts'
import { shownTime } from './account-limit.ts'
import { alarmOf, inWords } from './alarm.ts'
import { type CertificateItem, namesOf } from './item.ts'
import type { ObservedCertificate, ObservedCertificates } from './observe.ts'
import { isRehearsed } from './rehearsal.ts'
import type { CertificateRequest, RevocationReason } from './requests.ts'

export type CertificateAction =
  | Obtaining
  | Revoking
  | RevokingLeft
  /** Answers to an authority were left in DNS. */
  | { readonly type: 'hide' }
  /** Nothing needs what certbot keeps of it. */
  | { readonly type: 'forget' }

export interface Obtaining {
  readonly type: 'obtain'
  readonly item: CertificateItem
  /** The authority's staging directory is asked first, because the last try failed. */
  readonly rehearsal: boolean
  /** Nothing was tried yet, so the authority cannot give it without looking: certbot may start before the site is there. */
  readonly ahead: boolean
  /** Names that have been without one for a while, or are close to losing theirs: not all others are waited for. */
  readonly needy: readonly string[]
}

/** A person wants the certificate of that id revoked. */
export interface Revoking {
  readonly type: 'revoke'
  readonly item: CertificateItem
  readonly certificate: string
  readonly reason: RevocationReason
  /** Another one takes its place first; false while the authority takes no questions. */
  readonly replace: boolean
  /** What has taken its place already has to be renewed itself: a revocation that does not succeed holds no renewal up. */
  readonly due: boolean
}

/** The same, of a host that nobody declares any more. */
export interface RevokingLeft {
  readonly type: 'revoke-left'
  readonly host: string
  readonly certificate: string
  readonly reason: RevocationReason
}

type CertificateChange = Change<CertificateAction>

/** Pure: what is declared against what was seen. */
export function planCertificates(
  desired: ReadonlyMap<string, CertificateItem>,
  { certificates, kept, leaving }: ObservedCertificates,
): Plan<CertificateAction> {
  const changes: CertificateChange[] = []
  const obstacles: Obstacle[] = []
  const notes = new Map<string, string>()
  const urgent = new Map<string, Urgency>()
  for (const host of [...new Set([...kept, ...leaving.keys()])].filter(name => !desired.has(name)).sort()) {
    const left = leaving.get(host)
    if (left?.there === false) obstacles.push(lost(host, left.request))
    const revokes = left?.there === true ? revokingLeft(left.request) : []
    changes.push(...revokes)
    if (kept.has(host) || revokes.length > 0) changes.push(forgetting(host))
  }
  for (const item of [...desired.values()].sort((a, b) => (a.host < b.host ? -1 : 1))) {
    const seen = certificates.get(item.host) ?? unseen
    const { request } = seen
    const urgency = urgencyOf(seen)
    if (urgency !== undefined) urgent.set(item.host, urgency)
    if (request?.action.type === 'revoke') changes.push(revoking(item, request, request.action.reason, seen))
    else if (seen.issued !== undefined && !seen.due && request === undefined) {
      notes.set(item.host, noteOn(seen))
      if (seen.leftovers > 0) changes.push(hiding(item.host))
    } else if (seen.pausedUntil !== undefined) {
      obstacles.push(paused(item.host, seen, seen.pausedUntil, urgency))
      if (seen.leftovers > 0) changes.push(hiding(item.host))
    } else changes.push(obtaining(item, seen))
  }
  return { changes: [...changes].sort((a, b) => haste(b) - haste(a)), obstacles, notes, urgent }
}

/** What is about to be lost, or missing for long, goes before what is new: an authority takes only so many orders in a time. */
const haste = ({ action }: CertificateChange): number => (action.type === 'obtain' && action.needy.length > 0 ? 1 : 0)

const unseen: ObservedCertificate = {
  ...{
    issued: undefined,
    serving: undefined,
    uncovered: [],
    needy: [],
    due: false,
    left: undefined,
    renewal: undefined,
    attempts: [],
    pausedUntil: undefined,
    limit: undefined,
    request: undefined,
    leftovers: 0,
  },
}

function noteOn({ left = 0, renewal }: ObservedCertificate): string {
  const end = `ends ${inWords(left)}`
  const moment = renewal?.suggested?.moment
  return moment === undefined
    ? `${end}, and is renewed before`
    : `${end}, and is renewed at ${shownTime(moment)}, as the authority suggests`
}

function obtaining(item: CertificateItem, { issued, renewal, request, attempts, needy }: ObservedCertificate): CertificateChange {
  const names = namesOf(item).join(', ')
  const authority = new URL(item.issuer.directory).hostname
  const cause = renewal?.explanation === undefined ? '' : `, because of ${renewal.explanation}`
  const reason = request === undefined ? cause : `, as ${request.by} asked`
  return {
    kind: 'certificate',
    key: item.host,
    operation: issued === undefined ? 'create' : 'update',
    summary: `${issued === undefined ? 'obtain it' : 'renew it'} from ${authority} for ${names}${reason}`,
    fields: [],
    action: {
      type: 'obtain',
      item,
      rehearsal: isRehearsed(item, attempts),
      ahead: attempts.length === 0,
      needy,
    },
  }
}

const revoking = (
  item: CertificateItem,
  { certificate, by }: CertificateRequest,
  reason: RevocationReason,
  { issued, due, pausedUntil }: ObservedCertificate,
): CertificateChange => ({
  kind: 'certificate',
  key: item.host,
  operation: 'replace',
  summary: `revoke it (${reason})${pausedUntil === undefined ? ' and obtain another one with a new key' : ''}, as ${by} asked`,
  fields: [],
  action: {
    ...{ type: 'revoke', item, certificate, reason },
    ...{ replace: pausedUntil === undefined, due: due && issued?.id !== certificate },
  },
})

const revokingLeft = ({ host, certificate, by, action }: CertificateRequest): readonly CertificateChange[] =>
  action.type !== 'revoke'
    ? []
    : [
        {
          ...{ kind: 'certificate', key: host, operation: 'delete', fields: [] },
          summary: `revoke it (${action.reason}), as ${by} asked before its domain was taken away`,
          action: { type: 'revoke-left', host, certificate, reason: action.reason },
        },
      ]

const lost = (key: string, { certificate, by }: CertificateRequest): Obstacle => ({
  ...{ key, state: 'stalled', reason: 'not-revoked' },
  message: `${by} asked for its revocation, and the files of the certificate (${certificate}) are no longer in the folder certificates of the archive: put them back, or have its authority revoke it by other means and declare the domain once more, which ends this`,
})

const hiding = (host: string): CertificateChange => ({
  kind: 'certificate',
  key: host,
  operation: 'update',
  summary: 'take answers to an authority that were left in DNS out of it',
  fields: [],
  action: { type: 'hide' },
})

const forgetting = (host: string): CertificateChange => ({
  kind: 'certificate',
  key: host,
  operation: 'delete',
  summary: 'no longer renew it, move what certbot has of it to the archive',
  fields: [],
  action: { type: 'forget' },
})

/** What a person has to know before all else: visitors are about to lose the certificate, or have lost it. */
function urgencyOf({ issued, serving, due, left }: ObservedCertificate): Urgency | undefined {
  const last = serving ?? issued
  if (last === undefined || left === undefined || (issued !== undefined && !due)) return undefined
  const reason = alarmOf(last, left)
  return reason === undefined ? undefined : { reason, message: `${endsIn(left)}, and is not renewed yet` }
}

const endsIn = (left: number) => (left < 0 ? 'it has ended' : `it ends ${inWords(left)}`)

/** The authority's own words, and what to do next. */
function paused(key: string, seen: ObservedCertificate, until: Date, urgency: Urgency | undefined): Obstacle {
  const words = seen.limit?.words ?? seen.attempts.find(({ failure }) => failure !== undefined)?.failure ?? ''
  const reason = seen.issued === undefined ? 'certificate-refused' : 'renewal-refused'
  const before = urgency === undefined ? `${meanwhile(seen)}: ` : ''
  return { key, state: 'waiting', reason, message: `${before}${words}; it is tried again at ${shownTime(until)}` }
}

function meanwhile({ issued, serving, uncovered, left = 0 }: ObservedCertificate): string {
  if (issued !== undefined) return `${endsIn(left)}, and could not be renewed`
  if (serving?.directory === undefined) return 'a self-signed certificate serves meanwhile'
  const end = left < 0 ? 'has ended' : `ends ${inWords(left)}`
  const other = `one of ${new URL(serving.directory).hostname}`
  return uncovered.length === 0
    ? `${other} serves meanwhile, and ${end}`
    : `meanwhile ${uncovered.join(', ')} has a self-signed certificate, and every other name ${other}, which ${end}`
}

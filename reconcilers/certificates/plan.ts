import type { Change, Obstacle, Plan } from '../engine/reconciler.ts'
import { type CertificateItem, namesOf } from './item.ts'
import type { ObservedCertificate, ObservedCertificates } from './observe.ts'

export type CertificateAction =
  /** `rehearsal`: the authority's staging directory is asked first, because the last try failed. */
  | { readonly type: 'obtain'; readonly item: CertificateItem; readonly rehearsal: boolean }
  /** Answers to an authority were left in DNS. */
  | { readonly type: 'hide' }
  /** Nothing needs what certbot keeps of it. */
  | { readonly type: 'forget' }

type CertificateChange = Change<CertificateAction>

/** Days before the end at which a certificate that could not be renewed is told of louder. */
const alarms = [1, 7, 21]

/** Pure: what is declared against what was seen. */
export function planCertificates(
  desired: ReadonlyMap<string, CertificateItem>,
  { certificates, kept }: ObservedCertificates,
): Plan<CertificateAction> {
  const changes: CertificateChange[] = []
  const obstacles: Obstacle[] = []
  const notes = new Map<string, string>()
  for (const host of [...kept].filter(name => !desired.has(name)).sort()) changes.push(forgetting(host))
  for (const item of [...desired.values()].sort((a, b) => (a.host < b.host ? -1 : 1))) {
    const seen = certificates.get(item.host) ?? unseen
    if (seen.issued !== undefined && !seen.due) {
      notes.set(item.host, `ends in ${seen.daysLeft} days, and is renewed before`)
      if (seen.leftovers > 0) changes.push(hiding(item.host))
    } else if (seen.pausedUntil !== undefined) {
      obstacles.push(paused(item.host, seen, seen.pausedUntil))
      if (seen.leftovers > 0) changes.push(hiding(item.host))
    } else changes.push(obtaining(item, seen))
  }
  return { changes, obstacles, notes }
}

const unseen: ObservedCertificate = {
  ...{ issued: undefined, due: false, daysLeft: undefined, attempts: [], pausedUntil: undefined, leftovers: 0 },
}

function obtaining(item: CertificateItem, { issued, attempts }: ObservedCertificate): CertificateChange {
  const names = namesOf(item).join(', ')
  const authority = new URL(item.issuer.directory).hostname
  return {
    kind: 'certificate',
    key: item.host,
    operation: issued === undefined ? 'create' : 'update',
    summary: `${issued === undefined ? 'obtain it' : 'renew it'} from ${authority} for ${names}`,
    fields: [],
    action: {
      type: 'obtain',
      item,
      rehearsal: item.issuer.staging !== undefined && attempts[0]?.failure !== undefined,
    },
  }
}

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

/** The authority's own words, and what to do next. */
function paused(key: string, { issued, daysLeft, attempts }: ObservedCertificate, until: Date): Obstacle {
  const words = attempts.find(({ failure }) => failure !== undefined)?.failure ?? ''
  const next = `it is tried again at ${until.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  if (issued === undefined || daysLeft === undefined) {
    const message = `a self-signed certificate serves meanwhile: ${words}; ${next}`
    return { key, state: 'waiting', reason: 'certificate-refused', message }
  }
  const alarm = alarms.find(days => daysLeft < days)
  const end = daysLeft < 0 ? 'it has ended' : daysLeft === 0 ? 'it ends today' : `it ends in ${daysLeft} days`
  const message = `${end}, and could not be renewed: ${words}; ${next}`
  return { key, state: 'waiting', reason: alarm === undefined ? 'renewal-refused' : `ends-within-${alarm}-days`, message }
}

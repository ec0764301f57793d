import { zoneOf } from '../../../desired-state/documents/dns.ts'
import type { DesiredState, DomainDeclaration } from '../../../desired-state/state.ts'
import type { ResourceState, ResourceStatus } from '../../../reconcilers/engine/status.ts'

/** The certificate that nginx has of a host. */
export interface ServedCertificate {
  readonly issuer: string
  readonly self_signed: boolean
  /** ISO 8601. */
  readonly ends: string
  readonly days_left: number
}

/** What visitors asked of a host name in the last day. */
export interface Visits {
  readonly requests: number
  readonly bytes: number
  /** Answered with 5xx. */
  readonly errors: number
}

/** Everything that makes a domain reachable, and how it stands. */
export interface DomainStanding {
  readonly domain: DomainDeclaration
  /** Undefined: the engine does not know it yet. */
  readonly site: ResourceStatus | undefined
  readonly certificate: {
    /** Undefined where nothing is obtained for it. */
    readonly status: ResourceStatus | undefined
    readonly served: ServedCertificate | undefined
  }
  readonly dns: {
    /** The zone of dns.yaml that its name is in. */
    readonly zone: string | undefined
    /** The record that stands worst of those that lead its names here. */
    readonly worst: ResourceStatus | undefined
  }
  /** Of the host and its aliases together. */
  readonly visits: Visits
}

export interface Sources {
  readonly state: DesiredState
  readonly resources: readonly ResourceStatus[]
  readonly certificates: ReadonlyMap<string, ServedCertificate>
  readonly visits: ReadonlyMap<string, Visits>
}

/** All that is declared, in the order of the file. */
export function standingsOf({ state, resources, certificates, visits }: Sources): readonly DomainStanding[] {
  const kinds = Map.groupBy(resources, ({ kind }) => kind)
  const byKey = (kind: string) => new Map((kinds.get(kind) ?? []).map(each => [each.key, each]))
  const [sites, obtained] = [byKey('site'), byKey('certificate')]
  const records = Map.groupBy([...(kinds.get('site-record') ?? []), ...(kinds.get('dns-record') ?? [])], nameOfRecord)
  return [...state.domains.values()].map(domain => {
    const names = [domain.host, ...domain.aliases]
    return {
      domain,
      site: sites.get(domain.host),
      certificate: { status: obtained.get(domain.host), served: certificates.get(domain.host) },
      dns: {
        zone: zoneOf(state.dns, domain.host)?.name,
        worst: worstOf(names.flatMap(name => records.get(name) ?? [])),
      },
      visits: names.reduce((sum, name) => added(sum, visits.get(name)), { requests: 0, bytes: 0, errors: 0 }),
    }
  })
}

/** Types of records that lead a name somewhere. */
const leading: ReadonlySet<string> = new Set(['A', 'AAAA', 'CNAME'])

/** The name of a record that leads somewhere, whose key is `name/type`; else nobody's. */
function nameOfRecord({ key }: ResourceStatus): string {
  const slash = key.lastIndexOf('/')
  return leading.has(key.slice(slash + 1)) ? key.slice(0, slash) : ''
}

const gravest: readonly ResourceState[] = ['failed', 'stalled', 'held', 'waiting', 'suspended', 'reconciling', 'ready']

const worstOf = (statuses: readonly ResourceStatus[]): ResourceStatus | undefined =>
  statuses.toSorted((a, b) => gravest.indexOf(a.state) - gravest.indexOf(b.state))[0]

const added = (sum: Visits, more: Visits | undefined): Visits =>
  more === undefined
    ? sum
    : { requests: sum.requests + more.requests, bytes: sum.bytes + more.bytes, errors: sum.errors + more.errors }

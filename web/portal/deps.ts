import type { Repository } from '../../desired-state/repository.ts'
import type { Engine } from '../../reconcilers/engine/status.ts'
import type { Audit } from '../../runtime/audit/audit.ts'
import type { Verification } from '../../runtime/audit/verify.ts'
import type { Agents } from '../../runtime/bus/agents.ts'
import type { Alerts } from '../../runtime/health/alerts.ts'
import type { Health } from '../../runtime/health/health.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Log } from '../../runtime/os/log.ts'
import type { ApprovalBook } from '../../runtime/policy/approvals/approvals.ts'
import type { SecretUses } from '../../runtime/secrets/overview.ts'
import type { Secrets } from '../../runtime/secrets/secrets.ts'
import type { DaySpent } from '../../runtime/tasks/spending.ts'
import type { Tasks } from '../../runtime/tasks/task.ts'
import type { BackupDesk } from '../api/backups.ts'
import type { CertificateRequests } from '../api/certificates.ts'
import type { DnsDesk } from '../api/dns.ts'
import type { UpstreamDesk } from '../api/upstream.ts'
import type { Pending } from './approvals/pending.ts'
import type { Ratings } from './chat/ratings.ts'
import type { DomainEditing } from './domains/editing.ts'
import type { ServedCertificate, Visits } from './domains/standing.ts'
import type { FirstAdmin } from './sign-in/first-admin.ts'
import type { Sessions } from './sign-in/sessions.ts'

/** What the portal stands on; wired in `main.ts`. */
export interface PortalDeps {
  readonly engine: Engine
  readonly repository: Repository
  readonly agents: Agents
  readonly tasks: Tasks
  readonly approvals: Pick<ApprovalBook, 'waiting' | 'recent' | 'get' | 'decide' | 'rule' | 'subscribe'>
  readonly health: Pick<Health, 'one' | 'subscribe'>
  readonly alerts: Pick<Alerts, 'open' | 'see' | 'subscribe'>
  readonly spentToday: () => Promise<ReadonlyMap<string, DaySpent>>
  readonly pending: Pending
  readonly audit: Pick<Audit, 'search' | 'subscribe'>
  /** Reads the whole chain; changes nothing. */
  readonly verifyAudit: () => Promise<Verification>
  readonly backups: BackupDesk
  readonly home: Home
  readonly ratings: Ratings
  readonly secrets: Pick<Secrets, 'list' | 'set' | 'remove' | 'recipient' | 'reaches' | 'allow' | 'restrict'>
  /** Where the newest valid state refers to secrets, by name. */
  readonly secretUses: () => SecretUses
  readonly sessions: Sessions
  readonly firstAdmin: FirstAdmin
  readonly editing: DomainEditing
  /** The certificate that counts of each host. */
  readonly certificates: () => Promise<ReadonlyMap<string, ServedCertificate>>
  readonly certificateRequests: CertificateRequests
  /** What nginx was asked in the last day. */
  readonly traffic: () => Promise<{ readonly hosts: ReadonlyMap<string, Visits>; readonly since: Date | undefined }>
  readonly upstream: UpstreamDesk
  readonly dns: DnsDesk
  readonly clock: Clock
  readonly log: Log
  readonly place: Place
}

/** Facts of this appliance that pages show. */
export interface Place {
  /** Name of the machine, as its person knows it. */
  readonly hostname: string
  /** The command that clones the repository, for the person who started the appliance. */
  readonly cloneCommand: string
  /** The command line's name here: `ai-infra`, or `./main.ts` in a checkout. */
  readonly command: string
  /** Of nginx; links to sites name it where it is not the usual one. */
  readonly httpPort: number
  readonly httpsPort: number
}

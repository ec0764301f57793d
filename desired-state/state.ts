import type { CloudflareSettings } from './documents/cloudflare-schema.ts'

/** What one commit of the desired-state repository declares, parsed and cross-checked. */
export interface DesiredState {
  /** The commit; empty for a tree that was never committed. */
  readonly revision: string
  readonly agents: ReadonlyMap<string, AgentDeclaration>
  /** Keyed by host name, in lower case and punycode; its first part may be a star, for all names of one more part. */
  readonly domains: ReadonlyMap<string, DomainDeclaration>
  readonly settings: Settings
  /** Zones by name. */
  readonly dns: ReadonlyMap<string, DnsZone>
  /** PostgreSQL servers elsewhere, by name. */
  readonly databases: ReadonlyMap<string, DatabaseDeclaration>
  /** What secrets.age.yaml holds. */
  readonly secrets: SharedSecrets
  /** Encrypted backups, by name. */
  readonly backups: ReadonlyMap<string, BackupDeclaration>
  /** What is pushed to other Git repositories, by name. */
  readonly gitBackups: ReadonlyMap<string, GitBackupDeclaration>
  /** Markdown of `TELOS/*.md`, keyed by file name. */
  readonly telos: ReadonlyMap<string, string>
}

/** 0 restricted, 1 standard, 2 elevated, 3 privileged. */
export type Level = 0 | 1 | 2 | 3

export interface AgentDeclaration {
  readonly name: string
  readonly level: Level
  /** Path of the prompt in the repository. */
  readonly prompt: string
  readonly promptText: string
  /** Claude model; default `settings.agent_model`. */
  readonly model: string
  readonly description: string
  /** Its users' own tools, by file name; their code runs in the agent's sandbox and nowhere else. */
  readonly tools: readonly ToolFile[]
  /** Its level's preset with what permissions.yaml and network.yaml say of it. */
  readonly policy: AgentPolicy
}

/** One file of `agents/<name>/tools/`. */
export interface ToolFile {
  /** `convert.ts`. */
  readonly name: string
  readonly text: string
}

/** Patterns that allow, deny or ask; deny beats always beats ask beats allow, and what nothing matches is denied. */
export interface Rules {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
  readonly ask: readonly string[]
  /** What a person has approved for good: nobody is asked again. Absent: nothing. */
  readonly always?: readonly string[]
}

/**
 * What one agent may do, in Deno's words. Paths: `workspace`, `www`, `projects`, `logs`, or absolute. Net: `host:port`
 * with `*`. Run: a program, or a program with its first words (`git push`). SQL: a statement (`DROP TABLE`). Verb: a verb
 * of the server (`domain.set`, `domain.*`).
 */
export interface AgentPolicy {
  readonly read: Rules
  readonly write: Rules
  readonly net: Rules
  readonly run: Rules
  /** Names of variables that commands see. */
  readonly env: Rules
  readonly sql: Rules
  readonly verb: Rules
  readonly limits: PolicyLimits
  readonly budgets: Budgets
}

/** Named as in the user's plan. */
export interface PolicyLimits {
  readonly max_file_size_mb: number
  readonly max_execution_time_seconds: number
  readonly max_download_size_mb: number
  readonly max_memory_mb: number
  readonly max_connections: number
  readonly rate_limit_requests_per_minute: number
}

/** What may be spent; a task or an agent above it waits for a person or the next day. */
export interface Budgets {
  readonly task_tokens: number
  readonly task_usd: number
  readonly task_minutes: number
  readonly day_tokens: number
  readonly day_usd: number
}

export type Tls = 'none' | 'self-signed' | 'acme'

interface DomainCommon {
  readonly host: string
  readonly aliases: readonly string[]
  readonly tls: Tls
  /** With `tls: acme`: names are proven in DNS. Absent: over HTTP. */
  readonly challenge?: 'dns'
  /** What browsers are told once an authority's certificate serves. Absent: nothing. */
  readonly hsts?: Hsts
}

/** HTTP Strict Transport Security (RFC 6797). */
export interface Hsts {
  /** How long browsers insist on TLS; 0 takes it back. */
  readonly seconds: number
  readonly subdomains: boolean
  readonly preload: boolean
}

export interface StaticDomain extends DomainCommon {
  readonly kind: 'static'
  /** Name of the folder below `www/`. */
  readonly root: string
  readonly index: readonly string[]
  /** Path below the root that answers unknown pages, like `404.html`. */
  readonly notFound: string | undefined
  /** Seconds that browsers may keep files that are not pages. */
  readonly cacheSeconds: number
  readonly deploy: Deploy | undefined
}

export interface Deploy {
  /** Git URL or absolute path. */
  readonly repo: string
  readonly branch: string
  /** Folder of the repository that is served; `.` is all of it. */
  readonly directory: string
}

export interface ProxyDomain extends DomainCommon {
  readonly kind: 'proxy'
  readonly upstream: Upstream
  readonly websocket: boolean
  /** Seconds until a silent upstream is given up. */
  readonly timeoutSeconds: number
  /** Largest request body, in MiB. */
  readonly bodyMebibytes: number
}

export interface Upstream {
  readonly protocol: 'http' | 'https'
  /** A name in lower case and punycode, or an address as `node:net` writes it (IPv6 without brackets). */
  readonly host: string
  readonly port: number
  /** Empty: requests pass unchanged. Else begins and ends with `/`, and replaces the leading `/` of a request's path. */
  readonly path: string
}

export interface RedirectDomain extends DomainCommon {
  readonly kind: 'redirect'
  /** Absolute URL; without a trailing `/` when the request's path is kept. */
  readonly to: string
  /** The target names no path, so path and query of the request are appended to it. */
  readonly keepsPath: boolean
  readonly status: 301 | 302 | 303 | 307 | 308
}

export interface PortalDomain extends DomainCommon {
  readonly kind: 'portal'
}

export type DomainDeclaration = StaticDomain | ProxyDomain | RedirectDomain | PortalDomain

/** A database that agents may query. */
export interface DatabaseDeclaration {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** `secret:NAME`; without it the password is in the environment of the appliance. */
  readonly password?: string
  readonly tls: 'verify' | 'none'
  readonly agents: readonly string[]
  readonly write: boolean
}

/** A server that answers for zones; secrets are named, never written. */
export type DnsProvider = Rfc2136Provider | CloudflareProvider

export interface Rfc2136Provider {
  /** As dns.yaml calls it. */
  readonly name: string
  readonly type: 'rfc2136'
  readonly server: string
  readonly port: number
  /** Name of the TSIG key. */
  readonly key: string
  readonly algorithm: 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512'
  /** `secret:NAME`. */
  readonly secret: string
}

/** With a token, or with the account's global key and its e-mail. */
export interface CloudflareProvider {
  readonly name: string
  readonly type: 'cloudflare'
  /** Each of these `secret:NAME`. */
  readonly token?: string
  readonly api_key?: string
  readonly email?: string
  /** Needed for what belongs to no zone: new zones, pools of load balancers. */
  readonly account_id?: string
}

export interface DnsZone {
  readonly name: string
  readonly provider: DnsProvider
  /** Seconds, of records that do not say their own. */
  readonly ttl: number
  /** Whether the sites in it get records. */
  readonly sites: boolean
  /** Whether addresses and CNAMEs lead through Cloudflare, unless they say otherwise. */
  readonly proxied: boolean
  /** Whether a zone that is not there is made. */
  readonly create: boolean
  /** What else Cloudflare does there; absent: nothing is kept. */
  readonly cloudflare?: CloudflareSettings
  readonly records: readonly DnsRecordSet[]
}

/** All records of one name and type. */
export interface DnsRecordSet {
  readonly zone: string
  /** Full, in lower case, without a dot at its end. */
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'CAA' | 'CNAME' | 'MX' | 'NS' | 'SRV' | 'TXT'
  /** Seconds; 1 is automatic, where the provider knows that. */
  readonly ttl: number
  /** In the form in which servers give them back, sorted. */
  readonly values: readonly string[]
  /** Requests go through Cloudflare; absent: no. */
  readonly proxied?: true
  /** Records of others under this name and type are taken over; absent: no. */
  readonly adopt?: true
}

/** Where a restic repository is; `repository` is what restic is told. */
export type BackupLocation =
  | { readonly type: 'folder'; readonly repository: string }
  | {
      readonly type: 'sftp'
      readonly repository: string
      readonly user: string
      readonly host: string
      readonly port: number
      /** `ssh-ed25519 AAAA…` */
      readonly hostKey: string
    }
  | { readonly type: 's3' | 'rest'; readonly repository: string; readonly region: string | undefined }

export type BackupPart =
  | 'postgres'
  | 'desired-state'
  | 'memory'
  | 'sites'
  | 'audit'
  | 'certificates'
  | 'secrets'
  | 'agents'
  | 'other'

export interface BackupDeclaration {
  readonly name: string
  readonly location: BackupLocation
  /** `secret:NAME`, as are the keys. */
  readonly password: string
  readonly accessKey: string | undefined
  readonly secretKey: string | undefined
  /** Five fields of cron, in the time of the server. */
  readonly schedule: string
  readonly jitterMinutes: number
  readonly what: readonly BackupPart[]
  readonly keep: { readonly days: number; readonly weeks: number; readonly months: number }
  /** When a restore is tried out; undefined for never. */
  readonly drill: string | undefined
  /** How much of the packs each trial reads again. */
  readonly checkPercent: number
  readonly lateAfterHours: number | undefined
}

export interface GitBackupDeclaration {
  readonly name: string
  /** `https://`, `ssh://` or an absolute path. */
  readonly repository: string
  readonly what: 'code' | 'memory'
  /** `secret:NAME` */
  readonly token?: string | undefined
  readonly host_key?: string | undefined
  readonly schedule: string
  readonly branch: string
}

/** Secrets in the repository itself. */
export interface SharedSecrets {
  /** Public keys of age, by whose they are. */
  readonly recipients: ReadonlyMap<string, string>
  /** By name, encrypted and armored. */
  readonly values: ReadonlyMap<string, string>
}

export interface Settings {
  /** Default of `domains.*.tls`. */
  readonly tls: Tls
  readonly agent_model: string
  readonly agent_max_tokens: number
  readonly session_timeout_minutes: number
  /** Address of a search for agents, or `none`. */
  readonly search_provider: string
  /** `letsencrypt`, `letsencrypt-staging`, or the URL of an ACME directory. */
  readonly certificate_issuer: string
  /** Path of a file of authorities for that directory's own HTTPS; empty for the system's. */
  readonly certificate_issuer_ca: string
  /** Empty for none. */
  readonly certificate_email: string
  /** What sites' records lead to; empty for the machine's own. */
  readonly public_addresses: readonly string[]
  /** Whether backups are made by themselves. */
  readonly auto_backup_enabled: boolean
  /** Five fields of cron; of each backup that has none of its own. */
  readonly backup_schedule: string
  readonly backup_retention_days: number
  /** Whether the `git:` targets of backups.yaml are pushed. */
  readonly backup_to_github: boolean
  /** Where `secret set` keeps values: a file of the home, or AWS Secrets Manager, which is read as well then. */
  readonly secret_store: 'age' | 'aws'
  /** Seconds between two looks for drift. */
  readonly look_interval_seconds: number
  /** Absent: the key of the environment, or none. */
  readonly claude?: { readonly key: string } | undefined
  /** Absent: the desired state lives here alone. */
  readonly upstream?: UpstreamRepository | undefined
  /** Empty or absent: signatures are not asked for. */
  readonly allowed_signers?: readonly Signer[]
}

/** A Git repository elsewhere that main is mirrored with. */
export interface UpstreamRepository {
  readonly url: string
  readonly branch: string
  /** User name beside the token. */
  readonly user: string
  /** `secret:NAME`, as are `key` and `webhook_secret`. */
  readonly token?: string | undefined
  readonly key?: string | undefined
  /** Lines of a known_hosts file. */
  readonly known_hosts?: readonly string[] | undefined
  readonly webhook_secret?: string | undefined
  readonly poll_seconds: number
  /** Base address of GitHub's API, where it is not that of github.com. */
  readonly api?: string | undefined
  /** Whose pull requests get their plan as a comment. */
  readonly pull_requests: 'none' | 'own' | 'all'
}

/** Somebody whose signature on a commit counts. */
export interface Signer {
  readonly name: string
  /** Public keys, one line each. */
  readonly ssh: readonly string[]
  /** Armored public keys. */
  readonly gpg: readonly string[]
}

/** One mistake in one document, as a person reads it: `file:line:column: message`. Line and column start at 1. */
export interface Mistake {
  readonly file: string
  readonly line: number
  readonly column: number
  /** What is wrong, and what to write instead. */
  readonly message: string
}

export type ParseResult =
  | { readonly ok: true; readonly state: DesiredState }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] }

/** One line, harmless for the terminal that shows it, whatever stands in the document. */
export const renderMistake = (mistake: Mistake): string =>
  printable(`${mistake.file}:${mistake.line}:${mistake.column}: ${mistake.message}`)

/** Writes control characters, and those that turn the direction of text, as `\u001b`. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, written)

/** The same for what may have several lines, like the words of a server: breaks and tabs stay. */
export const printableLines = (text: string): string => text.replace(/(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, written)

const written = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

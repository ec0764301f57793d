import { dirname } from 'node:path'
import type { AgentPolicy, Rules } from '../../desired-state/state.ts'
import { homeAt } from '../os/home.ts'
import { isWithin, type PolicyPlaces, pathOfRule } from '../policy/paths.ts'
import type { SandboxPolicy } from './sandbox.ts'

/** Where an agent's sandbox finds things. */
export interface SandboxPlaces extends PolicyPlaces {
  /** Folder of the work at hand, inside the workspace; `TMPDIR` and `HOME` lie in the workspace too. */
  readonly folder: string
  /** Where the links of `www` lead: deployed releases. Readable where `www` is. */
  readonly releases?: string
  /** Program that runs file tools inside: a file, or the folder of its bundle. */
  readonly toolHelper: string
  readonly bun: string
}

const most = { outputBytes: 200_000, processes: 256 } as const

/**
 * What the operating system lets an agent's commands see and do. A path that asks a person stays out of sight, and so do
 * sockets, secrets and databases of the appliance whatever a rule says.
 */
export function sandboxPolicyOf(policy: AgentPolicy, places: SandboxPlaces): SandboxPolicy {
  const never = neverSeen(places)
  const pathsOf = (rules: readonly string[]) => rules.map(rule => pathOfRule(rule, places)).filter(path => path !== undefined)
  const visible = (rules: readonly string[]) => pathsOf(rules).filter(path => !never.some(secret => isWithin(path, secret)))
  const granted = ({ allow, always = [] }: Rules) => visible([...allow, ...always])
  const [read, write] = [granted(policy.read), granted(policy.write)]
  const releases = places.releases !== undefined && read.includes(places.www) ? [places.releases] : []
  const shown = [...read, ...write, ...releases]
  const covered = (path: string) => shown.some(folder => isWithin(path, folder))
  const { limits } = policy
  return {
    read: [...read, ...releases, places.toolHelper, places.bun],
    write,
    hidden: [...pathsOf([...policy.read.deny, ...policy.read.ask]), ...never].filter(covered),
    sealed: pathsOf([...policy.write.deny, ...policy.write.ask]).filter(covered),
    net: { allow: policy.net.allow, deny: policy.net.deny },
    requestsPerMinute: limits.rate_limit_requests_per_minute,
    maxConnections: limits.max_connections,
    downloadMebibytes: limits.max_download_size_mb,
    env: environmentOf(policy, places),
    credentials: [],
    limits: {
      ...most,
      seconds: limits.max_execution_time_seconds,
      memoryMebibytes: limits.max_memory_mb,
      fileMebibytes: limits.max_file_size_mb,
    },
  }
}

function neverSeen({ workspace }: SandboxPlaces): readonly string[] {
  const home = homeAt(dirname(dirname(workspace)))
  const own = [home.run, home.keys, home.audit, home.backups, home.postgresData, home.redisData, home.nginx, home.repository]
  return [
    ...own,
    '/root',
    '/run',
    '/var/run',
    '/proc',
    '/etc/ai-infra',
    '/etc/shadow',
    '/etc/ssh',
    '/etc/ssl/private',
    '/etc/letsencrypt',
  ]
}

function environmentOf(policy: AgentPolicy, places: SandboxPlaces): Readonly<Record<string, string>> {
  const known: Readonly<Record<string, string>> = {
    // The Bun that runs us is in sight anyway, and the only one that is surely there.
    PATH: `/usr/local/bin:/usr/bin:/bin:${dirname(places.bun)}`,
    LANG: 'C.UTF-8',
    HOME: places.workspace,
    TMPDIR: `${places.workspace}/temp`,
  }
  const { allow, deny, ask } = policy.env
  const matches = (rule: string, name: string) =>
    rule === '*' || rule === name || (rule.endsWith('*') && name.startsWith(rule.slice(0, -1)))
  const visible = (name: string) =>
    allow.some(rule => matches(rule, name)) && ![...deny, ...ask].some(rule => matches(rule, name))
  return Object.fromEntries(Object.entries(known).filter(([name]) => visible(name)))
}

import type { AgentPolicy, Level, Rules } from '../state.ts'
import type { Network } from './network.ts'
import type { Permissions } from './permissions.ts'
import { presets } from './presets.ts'

/** What permissions.yaml and network.yaml say together. */
export interface PolicyDocuments {
  readonly permissions: ReadonlyMap<string, Permissions>
  readonly network: ReadonlyMap<string, Network>
}

export const noPolicyDocuments: PolicyDocuments = { permissions: new Map(), network: new Map() }

/** The level's preset, then `default`, then what stands under the agent's name; a list that is written replaces its like. */
export function policyOf(name: string, level: Level, { permissions, network }: PolicyDocuments): AgentPolicy {
  const mine = ['default', name]
  const written = mine.map(key => permissions.get(key)).filter(one => one !== undefined)
  const connected = mine.map(key => network.get(key)).filter(one => one !== undefined)
  const base = presets[written.findLast(one => one.level !== undefined)?.level ?? level]
  return connected.reduce(withNetwork, written.reduce(withPermissions, base))
}

function withPermissions(policy: AgentPolicy, said: Permissions): AgentPolicy {
  return {
    ...policy,
    read: lists(policy.read, said.read),
    write: lists(policy.write, said.write),
    run: lists(policy.run, said.run),
    env: lists(policy.env, said.env),
    sql: lists(policy.sql, said.sql),
    verb: lists(policy.verb, said.verb),
    limits: {
      ...policy.limits,
      max_file_size_mb: said.max_file_size_mb ?? policy.limits.max_file_size_mb,
      max_execution_time_seconds: said.max_execution_time_seconds ?? policy.limits.max_execution_time_seconds,
      max_download_size_mb: said.max_download_size_mb ?? policy.limits.max_download_size_mb,
      max_memory_mb: said.max_memory_mb ?? policy.limits.max_memory_mb,
    },
    budgets: {
      task_tokens: said.task_tokens ?? policy.budgets.task_tokens,
      task_usd: said.task_usd ?? policy.budgets.task_usd,
      task_minutes: said.task_minutes ?? policy.budgets.task_minutes,
      day_tokens: said.day_tokens ?? policy.budgets.day_tokens,
      day_usd: said.day_usd ?? policy.budgets.day_usd,
    },
  }
}

function withNetwork(policy: AgentPolicy, said: Network): AgentPolicy {
  return {
    ...policy,
    net: lists(policy.net, said),
    limits: {
      ...policy.limits,
      max_connections: said.max_connections ?? policy.limits.max_connections,
      rate_limit_requests_per_minute: said.rate_limit_requests_per_minute ?? policy.limits.rate_limit_requests_per_minute,
    },
  }
}

/** The parts of a word that a document has. */
interface Said {
  readonly allow?: readonly string[] | undefined
  readonly deny?: readonly string[] | undefined
  readonly ask?: readonly string[] | undefined
  readonly always?: readonly string[] | undefined
}

function lists(base: Rules, said: Said | undefined): Rules {
  const always = said?.always ?? base.always
  return {
    allow: said?.allow ?? base.allow,
    deny: said?.deny ?? base.deny,
    ask: said?.ask ?? base.ask,
    ...(always === undefined ? {} : { always }),
  }
}

import type { AgentPolicy, Rules } from '../../../../desired-state/state.ts'

export const rules = (allow: readonly string[] = [], deny: readonly string[] = [], ask: readonly string[] = []): Rules => ({
  allow,
  deny,
  ask,
})

/** A policy that allows nothing, with these parts instead. */
export const policyWith = (parts: Partial<AgentPolicy>): AgentPolicy => ({
  ...{ read: rules(), write: rules(), net: rules(), run: rules(), env: rules(), sql: rules(), verb: rules() },
  limits: {
    max_file_size_mb: 50,
    max_execution_time_seconds: 30,
    max_download_size_mb: 10,
    max_memory_mb: 512,
    max_connections: 10,
    rate_limit_requests_per_minute: 1000,
  },
  budgets: { task_tokens: 1000, task_usd: 1, task_minutes: 1, day_tokens: 1000, day_usd: 1 },
  ...parts,
})

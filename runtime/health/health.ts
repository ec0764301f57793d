export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy' | 'offline'

/** How an agent is. Fields and rules are those of the user's plan; what goes beyond them says so. */
export interface AgentHealth {
  readonly agent: string
  readonly status: HealthStatus
  /** For a person, why it is not healthy: `60 % of the last 10 works failed`. Empty when it is. */
  readonly reason: string
  /** ISO 8601. */
  readonly lastHeartbeat: string | undefined
  readonly lastTaskCompleted: string | undefined
  readonly tasksCompletedLastHour: number
  /** Tries that failed count, also when the task succeeded later. */
  readonly tasksFailedLastHour: number
  /** From the start of a work to the first sign of it, over the last 100 works; waiting for a person is not counted. */
  readonly avgResponseTimeMs: number
  /** Of the last 100 works: questions and tries of tasks. */
  readonly errorRatePercent: number
  /** Works that the two figures above stand on. */
  readonly samples: number
  readonly memoryUsageMb: number
  /** Of one processor, by the agent's own process. */
  readonly cpuPercent: number
  /** Id of the task that it works on. */
  readonly currentTask: string | undefined
  /** For a person; empty when idle. */
  readonly doing: string
  /** Why what it does does not go on just now: an approval, Claude. Empty when nothing is in its way. */
  readonly waitingFor: string
  /** Tasks that it could begin. */
  readonly queueDepth: number
  readonly uptimeSeconds: number
  /** Since when its work makes no progress although nothing is in its way; undefined when it does. ISO 8601. */
  readonly stalledSince: string | undefined
  /** How often it was brought back, without success so far; 0 when all is well. */
  readonly recoveryAttempts: number
  /** It takes no tasks until then. ISO 8601. */
  readonly pausedUntil: string | undefined
}

export interface Health {
  /** Every agent that was applied, by name. */
  all(): readonly AgentHealth[]
  one(agent: string): AgentHealth | undefined
  /** Calls back when something of an agent's health changed that a person would notice; not for each heartbeat. */
  subscribe(listener: (health: AgentHealth) => void): () => void
}

/** Works that error rate and response time are made of. */
export const windowLength = 100
/** Fewer works than these say nothing about an agent. */
export const fewestSamples = 5
/** Milliseconds without progress after which work counts as stalled. */
export const stallLimit = 180_000
/** The same while a tool runs: a little longer than the longest that a tool may take. */
export const toolStallLimit = 420_000

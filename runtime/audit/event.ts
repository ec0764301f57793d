/** The sixteen kinds of the user's plan. */
export const auditTypes = [
  ...(['command_executed', 'file_read', 'file_write', 'file_delete', 'api_call'] as const),
  ...(['task_started', 'task_completed', 'task_failed'] as const),
  ...(['permission_denied', 'permission_escalation', 'agent_started', 'agent_stopped'] as const),
  ...(['user_login', 'user_logout', 'config_changed', 'secret_accessed'] as const),
] as const

export type AuditType = (typeof auditTypes)[number]

export interface AuditEvent {
  readonly type: AuditType
  /** The agent that acted; empty for a person or the appliance itself. */
  readonly agent: string
  /** `person ada@example.com`, `operator root`; empty where nobody but the agent is involved. */
  readonly user: string
  /** Name of the verb or tool: `hold.approved`, `run`. */
  readonly action: string
  /** File, command, address, resource; never a secret. */
  readonly target: string
  /** `intent`: it is about to be done; a line that follows says what came of it. */
  readonly outcome: 'intent' | 'success' | 'failure' | 'denied'
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** Task, thread or browser session it belongs to. */
  readonly session?: string | undefined
  readonly address?: string | undefined
}

/** An event as it stands in the file: hash over everything else, `previous` the hash of the line before. */
export interface AuditLine extends AuditEvent {
  readonly id: string
  readonly sequence: number
  /** ISO 8601. */
  readonly timestamp: string
  readonly previous: string
  readonly hash: string
}

import type { ResourceState } from '../../../reconcilers/engine/status.ts'

export type Room =
  | 'chat'
  | 'tasks'
  | 'approvals'
  | 'audit'
  | 'overview'
  | 'agents'
  | 'domains'
  | 'dns'
  | 'secrets'
  | 'backups'
  | 'changes'
  | 'account'

export interface AgentGlance {
  readonly name: string
  readonly state: ResourceState
  readonly activity: string
}

/** What every page of a signed-in person shows around its content. */
export interface Frame {
  readonly hostname: string
  readonly person: string
  readonly theme: 'auto' | 'light' | 'dark'
  /** Path of this page, to come back to. */
  readonly path: string
  readonly agents: readonly AgentGlance[]
  /** How much waits for a person. */
  readonly pending: number
}

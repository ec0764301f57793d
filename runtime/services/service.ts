/**
 * One program that the appliance stands on, described once: `main.ts up` supervises it as a child, under systemd a unit
 * runs the same description.
 */
export interface Service {
  readonly name: 'postgres' | 'redis' | 'nginx' | 'tmux'
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Where it will listen; taken by somebody else, it is not started and the status names who has it. */
  readonly listens?: readonly ListenAddress[]
  /** Makes folders, first contents and configuration; removes what a killed predecessor left. Idempotent. */
  prepare(): Promise<void>
  /** Whether it answers. Never throws; false until it does. */
  ready(signal: AbortSignal): Promise<boolean>
  readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'
  /** Milliseconds from the stop signal to SIGKILL. */
  readonly stopTimeout: number
}

/** `hint`: what to do when it is taken. */
export type ListenAddress = { readonly port: number; readonly hint?: string } | { readonly socket: string }

export type ServiceState = 'starting' | 'ready' | 'restarting' | 'stopped' | 'outside'

export interface ServiceStatus {
  readonly name: Service['name']
  readonly state: ServiceState
  readonly pid: number | undefined
  /** Why it is not ready, for a person; empty when it is. */
  readonly message: string
  /** ISO 8601. */
  readonly since: string
}

/** What a command inside the sandbox sees and may do; everything that is not named is out of sight. */
export interface SandboxPolicy {
  /** Absolute paths. Written paths can be read. */
  readonly read: readonly string[]
  readonly write: readonly string[]
  /** Out of sight, although a path above is readable; a path that asks a person, too. */
  readonly hidden?: readonly string[]
  /** Not writable, although a path above is. */
  readonly sealed?: readonly string[]
  /** `host:port` patterns as in network.yaml; deny beats allow, and an empty list denies everything. */
  readonly net: { readonly allow: readonly string[]; readonly deny: readonly string[] }
  readonly requestsPerMinute: number
  readonly maxConnections: number
  /** Of one connection. Default: without a limit. */
  readonly downloadMebibytes?: number
  /** Variables that it sees, and their values. */
  readonly env: Readonly<Record<string, string>>
  /** Credentials: inside there is a placeholder, and the proxy puts the value in for these hosts only. */
  readonly credentials: readonly { readonly name: string; readonly value: string; readonly hosts: readonly string[] }[]
  readonly limits: SandboxLimits
}

export interface SandboxLimits {
  readonly seconds: number
  /** Of stdout, and half as much of stderr; the middle of what is longer is left out. */
  readonly outputBytes: number
  readonly memoryMebibytes: number
  readonly fileMebibytes: number
  readonly processes: number
}

export interface SandboxRun {
  /** Word for word; a command line is `['bash', '-c', line]`. */
  readonly argv: readonly string[]
  readonly cwd: string
  readonly stdin?: string
  readonly onOutput?: (text: string) => void
}

export interface SandboxResult {
  /** Undefined when a limit or a signal ended it. */
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  /** Which limit ended it, and what the sandbox refused, one line each. */
  readonly notes: readonly string[]
  /** Hosts that were connected to meanwhile, by this command or one beside it: what it prints may be theirs. */
  readonly reached: readonly string[]
  readonly milliseconds: number
}

/** Runs commands behind the boundary of the operating system, or not at all. */
export interface Sandbox {
  run(command: SandboxRun, policy: SandboxPolicy, signal: AbortSignal): Promise<SandboxResult>
  /** Ends the proxy and everything that still runs. */
  stop(): Promise<void>
}

/**
 * One step of an agent that reaches outside its own thoughts: it asks before, and tells after. The runtime decides, writes
 * it down, and remembers the outcome: intent, dispatched, confirmed.
 */
export interface ActionRequest {
  /** Id of the work, and its fencing token. */
  readonly work: string
  readonly attempt: number
  /** Id of the model's tool call; one action for each. */
  readonly call: string
  readonly tool: string
  /** One line for a person. */
  readonly title: string
  readonly needs: readonly Need[]
  /** The tool itself says that a person decides each time. */
  readonly requiresApproval?: boolean | undefined
}

/** What an action needs, in Deno's words; every one must be allowed. */
export type Need =
  | { readonly kind: 'read' | 'write'; readonly path: string }
  | { readonly kind: 'net'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'run'
      /** What is run, word for word: `['bash', '-c', command]` for a command line. */
      readonly argv: readonly string[]
      readonly cwd: string
      /** Names of the variables it sees. */
      readonly env: readonly string[]
      /** Files named by the command, with the SHA-256 of their content. */
      readonly files: readonly { readonly path: string; readonly digest: string }[]
    }
  | { readonly kind: 'sql'; readonly statement: string; readonly database: string }
  /** A typed verb of the server, like `domain.set`; `input` is shown whole to whoever approves. */
  | { readonly kind: 'verb'; readonly verb: string; readonly input: Readonly<Record<string, unknown>> }

export type Verdict =
  /** Written down as dispatched: do it now, then confirm. */
  | { readonly verdict: 'allow'; readonly action: string }
  | { readonly verdict: 'deny'; readonly reason: string }
  /** A person is asked; ask again with the same request once it is decided. */
  | { readonly verdict: 'ask'; readonly approval: string; readonly reason: string }
  /** This call was made before the process died, and this is what came of it. */
  | { readonly verdict: 'done'; readonly result: ActionResult }
  /** It was dispatched before the process died, and nobody knows what came of it: look, do not repeat blindly. */
  | { readonly verdict: 'unknown'; readonly at: string }

export interface ActionResult {
  readonly outcome: 'done' | 'failed'
  /** For the model, bounded. */
  readonly content: string
  /** Where text of strangers in it came from. */
  readonly tainted?: string | undefined
}

export interface Actions {
  decide(agent: string, request: ActionRequest): Promise<Verdict>
  confirm(agent: string, action: string, result: ActionResult): Promise<void>
}

/** One thing that waits for a person. */
export interface Approval {
  readonly id: string
  readonly agent: string
  readonly task: string | undefined
  readonly thread: string | undefined
  readonly title: string
  /** Why it is asked, and what the supervisor thinks of it. */
  readonly reason: string
  /** Everything that it is bound to, as a person has to see it: invisible characters made visible. */
  readonly shown: readonly { readonly name: string; readonly text: string }[]
  /** SHA-256 of what it is bound to: agent, needs, digests, expiry. */
  readonly digest: string
  readonly state: 'waiting' | 'approved' | 'denied' | 'used' | 'expired'
  /** ISO 8601. */
  readonly askedAt: string
  readonly expiresAt: string
  readonly decidedBy: string | undefined
  /** What whoever decided it said: why it was denied. */
  readonly note: string | undefined
  /** The rule that "always" would save, as it would stand in permissions.yaml; undefined when there must be none. */
  readonly rule: string | undefined
}

export interface Approvals {
  waiting(): Promise<readonly Approval[]>
  recent(limit: number): Promise<readonly Approval[]>
  get(id: string): Promise<Approval | undefined>
  /** False when it was decided or has expired. `by` is a person or the operator, never an agent. */
  decide(id: string, decision: 'approved' | 'denied', by: string, note?: string): Promise<boolean>
  /** Resolves when it is decided or expires. */
  decided(id: string, signal: AbortSignal): Promise<Approval>
  subscribe(listener: (approval: Approval) => void): () => void
}

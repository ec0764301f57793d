/** How an agent's process stands, as its own socket and heartbeat tell. */
export interface AgentPresence {
  readonly name: string
  /** `offline`: no process is connected, or no heartbeat came for 30 s. */
  readonly activity: 'offline' | 'idle' | 'answering' | 'draining'
  /** What it is doing, for a person: `answering you: "what is on port 80?"`. */
  readonly doing: string
  readonly pid: number | undefined
  /** ISO 8601, of the last heartbeat. */
  readonly heartbeatAt: string | undefined
  /** ISO 8601, of the process's start. */
  readonly startedAt: string | undefined
}

/** One utterance in an agent's conversation; persisted before it is shown. */
export interface Utterance {
  readonly id: string
  readonly agent: string
  readonly role: 'person' | 'agent'
  /** Who said it: the person's name, or the agent's. */
  readonly by: string
  readonly text: string
  readonly state: 'queued' | 'answering' | 'done' | 'failed'
  /** ISO 8601. */
  readonly at: string
  /** Of an answer: the id of its question. */
  readonly answers?: string
}

/** What the portal and the API may ask of the agents. */
export interface Agents {
  presence(): readonly AgentPresence[]
  /** The visible text of the agent's window, with SGR colour sequences; undefined when there is none. */
  screen(name: string): Promise<string | undefined>
  conversation(name: string, limit: number): Promise<readonly Utterance[]>
  /** Commits the message, then puts it into the agent's inbox. */
  say(name: string, text: string, by: string): Promise<Utterance>
  /** Drains the agent, then replaces its process. Returns when asked, not when done. */
  restart(name: string, by: string): Promise<void>
  subscribe(listener: (event: AgentEvent) => void): () => void
}

export type AgentEvent =
  | { readonly type: 'presence'; readonly presence: AgentPresence }
  | { readonly type: 'utterance'; readonly utterance: Utterance }
  /** A piece of an answer as it comes. */
  | { readonly type: 'delta'; readonly agent: string; readonly utteranceId: string; readonly text: string }

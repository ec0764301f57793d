import type { Forgotten } from './forget-thread.ts'
import type { FoundThread } from './search-threads.ts'
import type { Block, WorkEvent } from './work.ts'

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
  readonly thread: string
  /** `event`: nobody said it; it happened, and the agent speaks of it, like the end of a task that it gave away. */
  readonly role: 'person' | 'agent' | 'event'
  /** Who said it, or brought it about: the person's name, or the agent's. */
  readonly by: string
  /** Of an answer under way: what has come of it so far. */
  readonly text: string
  /** What came with it: images, PDF and text files, as blocks of the Messages API. */
  readonly attachments?: readonly Block[]
  readonly state: 'queued' | 'answering' | 'done' | 'failed'
  /** ISO 8601. */
  readonly at: string
  /** Of an answer: the id of its question, which is the id of the work as well. */
  readonly answers?: string
}

/** A conversation with an agent, or its work on one task. */
export interface Thread {
  readonly id: string
  readonly agent: string
  readonly kind: 'chat' | 'task'
  /** Of the first one of each agent it is empty. */
  readonly title: string
  readonly task: string | undefined
  readonly createdBy: string
  /** Text of strangers is in it; `sources` says where it came from. */
  readonly tainted: boolean
  readonly sources: readonly string[]
  /** ISO 8601. */
  readonly createdAt: string
  /** ISO 8601, when something was said last. */
  readonly saidAt: string
  readonly archived: boolean
}

/** One call of a tool, as people see it beside an answer. */
export interface WorkStep {
  readonly work: string
  readonly call: string
  readonly tool: string
  readonly title: string
  readonly state: 'running' | 'done' | 'failed' | 'denied'
  readonly summary: string
  /** The end of what it wrote, at most {@link longestStepOutput} characters. */
  readonly output: string
  /** So long was the text of the answer when it began: where it stands between the words. */
  readonly afterText: number
  /** ISO 8601. */
  readonly startedAt: string
  readonly milliseconds: number | undefined
}

export const longestStepOutput = 20_000

export interface Saying {
  /** Default: the agent's first one. */
  readonly thread?: string
  readonly attachments?: readonly Block[]
}

/** What the portal and the API may ask of the agents. */
export interface Agents {
  presence(): readonly AgentPresence[]
  /** The visible text of the agent's window, with SGR colour sequences; undefined when there is none. */
  screen(name: string): Promise<string | undefined>
  /** The newest of a thread, oldest first; default: of the agent's first thread. */
  conversation(name: string, limit: number, thread?: string): Promise<readonly Utterance[]>
  /** Commits the message, then puts it into the agent's inbox. */
  say(name: string, text: string, by: string, saying?: Saying): Promise<Utterance>
  /** Newest first; those of tasks as well. */
  threads(name: string): Promise<readonly Thread[]>
  thread(id: string): Promise<Thread | undefined>
  openThread(name: string, title: string, by: string): Promise<Thread>
  /** What a person may change of a conversation. False when there is no such thread. */
  changeThread(id: string, change: { readonly title?: string; readonly archived?: boolean }): Promise<boolean>
  /** Conversations with an agent where these words stand in the title, or in what was said; newest first. */
  searchThreads(name: string, words: string): Promise<readonly FoundThread[]>
  /** Deletes a conversation with all that was said in it. */
  forgetThread(id: string): Promise<Forgotten>
  /** What was done in a thread, oldest first. */
  steps(thread: string): Promise<readonly WorkStep[]>
  /** Ends an answer under way; what was said of it stays. False when it had ended already. */
  stopAnswer(work: string, by: string): Promise<boolean>
  /** Asks a question again whose answer failed or was stopped. False when it did not. */
  askAgain(work: string): Promise<boolean>
  /** Drains the agent, then replaces its process. Returns when asked, not when done. */
  restart(name: string, by: string): Promise<void>
  subscribe(listener: (event: AgentEvent) => void): () => void
}

export type AgentEvent =
  | { readonly type: 'presence'; readonly presence: AgentPresence }
  | { readonly type: 'utterance'; readonly utterance: Utterance }
  /** A piece of an answer as it comes; an `utterance` with the answer's whole text comes when pieces were void. */
  | { readonly type: 'delta'; readonly agent: string; readonly utteranceId: string; readonly text: string }
  /** Everything that happens in a work, as its agent told it. */
  | {
      readonly type: 'work'
      readonly agent: string
      readonly thread: string
      readonly work: string
      readonly task: string | undefined
      readonly event: WorkEvent
    }

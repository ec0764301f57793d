import type { AgentPolicy } from '../../desired-state/state.ts'
import type { Agents, Utterance } from './agents.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { Declaration, Declarations } from './declarations.ts'
import type { Peers } from './peers.ts'
import type { Report } from './presences.ts'
import type { Briefing, Heartbeat } from './protocol.ts'
import type { Works } from './works.ts'

/** Something that happened, told to an agent in a thread of its own; it speaks of it there. */
export interface Happening {
  readonly agent: string
  /** Default: the agent's first one. */
  readonly thread?: string
  /** Who brought it about, like an agent that has ended its task. */
  readonly by: string
  readonly text: string
  readonly priority?: number
  /** A UUID; what was told with it is not told again. */
  readonly id?: string
}

export interface Dispatched {
  /** That of the message: the same each time that this is told. */
  readonly id: string
  readonly task: { readonly id: string; readonly agent: string; readonly priority: number; readonly by: string }
}

/** {@link Agents}, with what the reconciler and the agents' own sockets need besides. */
export interface AgentsRoom extends Agents {
  readonly declarations: Declarations
  /** Reads what was applied before and opens the inboxes; call it once, when the store is migrated. */
  start(): Promise<void>
  stop(): Promise<void>
  /** The names of all agents that were applied, sorted. */
  names(): readonly string[]
  /** Makes this what the agent is: its process, running or to come, is briefed with it. */
  declare(declaration: Declaration): Promise<void>
  forget(name: string): Promise<void>
  /** What an agent may do, as it was applied; undefined for one that there is not. */
  policyOf(name: string): AgentPolicy | undefined
  /** Tells the process to take no more work, or to go on. Not remembered over a restart of the runtime. */
  setDraining(name: string, draining: boolean): void
  report(name: string): Report | undefined
  /** The process is known to be gone. */
  gone(name: string): void
  /** Calls back on every heartbeat and every loss of one. */
  onReport(listener: (name: string) => void): () => void
  /** Somebody asked for a new process of this agent: a person, or recovery. */
  onRestart(listener: (name: string, by: string) => void): () => void
  /** When this runtime began to listen for heartbeats. */
  readonly listeningSince: Date

  briefing(name: string): Promise<Briefing | undefined>
  heard(name: string, heartbeat: Heartbeat): Promise<{ readonly version: string }>
  /** What the agent asks and tells of the work in its inbox. */
  readonly work: Pick<Works, 'start' | 'events' | 'finish'>
  /** Commits what happened, then puts it into the agent's inbox as a `result`. */
  tell(happening: Happening): Promise<Utterance>
  /** Puts a task that is ready into its agent's inbox; nothing happens when that message was there before. */
  dispatch(announcement: Dispatched): Promise<void>
  /** What agents say to each other. */
  readonly peers: Peers
  /** What could not be delivered, and why; the newest first. */
  deadLetters(): Promise<readonly DeadLetter[]>
  /** Sends it again as if for the first time; throws `invalid` when that cannot be. */
  replay(id: string): Promise<void>
}

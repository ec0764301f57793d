import type { Block, Entry, Usage } from '../runtime/bus/work.ts'
import type { ApplianceError } from '../runtime/os/errors.ts'

/** A tool as the model is told of it. */
export interface ToolSpec {
  readonly name: string
  readonly description: string
  /** JSON Schema of an object. */
  readonly input_schema: Readonly<Record<string, unknown>>
}

/** One question to the model, with everything it needs to know. */
export interface ModelRequest {
  readonly model: string
  readonly maxTokens: number
  readonly system: string
  /** In an order that never changes. */
  readonly tools: readonly ToolSpec[]
  /** Oldest first; the last one is of the user. */
  readonly entries: readonly Entry[]
  /** False where only words are wanted. */
  readonly mayCall: boolean
}

export type ModelEvent =
  | { readonly type: 'text'; readonly text: string }
  /** The last event of an answer that came whole: its blocks as they go back into the conversation. */
  | { readonly type: 'end'; readonly content: readonly Block[]; readonly stop: string; readonly usage: Usage }
  /** The last event of one that did not. */
  | { readonly type: 'trouble'; readonly trouble: Trouble; readonly usage: Usage | undefined }

export interface Trouble {
  /**
   * `away`: it goes by itself, so ask again later. `cut`: the answer broke off, so ask again. `too-long`: the conversation does
   * not fit. `refused`: asking again does not help.
   */
  readonly kind: 'away' | 'cut' | 'too-long' | 'refused'
  /** A sentence for a person, without a full stop: `Claude is overloaded`. */
  readonly reason: string
  /** What the service said of when to come back, in milliseconds. */
  readonly retryInMs?: number
  readonly error: ApplianceError
}

/** Streams an answer. Throws only when the signal aborts. */
export type Model = (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelEvent>

/** The key of a call's input that was no JSON object: what the model wrote instead, word for word. */
export const invalidJson = 'INVALID_JSON'

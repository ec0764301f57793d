import type { Turn } from '../runtime/bus/protocol.ts'

/** One question to the model, with everything it needs to know. */
export interface ModelRequest {
  readonly model: string
  readonly maxTokens: number
  readonly system: string
  /** Oldest first; the last one is the question. */
  readonly turns: readonly Turn[]
}

export type ModelEvent =
  | { readonly type: 'text'; readonly text: string }
  /** The last event. `complete` is false when the answer was cut off; `note` says why, for a person. */
  | { readonly type: 'end'; readonly complete: boolean; readonly note: string }

/** Streams an answer. Throws an ApplianceError whose sentence can be shown to a person. */
export type Model = (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelEvent>

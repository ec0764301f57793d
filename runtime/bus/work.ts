/**
 * What an agent works on, and what it tells of it. Both ends of an agent's socket speak in these; window, chat, audit and
 * the persisted conversation are all made of {@link WorkEvent}.
 */

/** One block of the Messages API (`text`, `image`, `document`, `tool_use`, `tool_result`, …), kept as it was sent or received. */
export type Block = { readonly type: string } & Readonly<Record<string, unknown>>

/** One message of a conversation with the model, as it was sent; never changed afterwards. */
export interface Entry {
  readonly role: 'user' | 'assistant'
  readonly content: readonly Block[]
}

/** A task, as its agent reads it. */
export interface TaskBrief {
  readonly id: string
  readonly name: string
  readonly description: string
  /** Who asked for it: `person:ada@example.com`, `supervisor`. */
  readonly by: string
  /** How one will know that it is done. */
  readonly criteria: readonly string[]
  /** What the tasks that this one waited for gave. */
  readonly inputs: readonly { readonly name: string; readonly agent: string; readonly result: string }[]
  /** Milliseconds that are left. */
  readonly timeout: number
}

/** Something for the agent to do: a question in a conversation, or a task that it has claimed. */
export interface Work {
  /** That of the message which carried it. */
  readonly id: string
  readonly kind: 'question' | 'task'
  /** Fencing token: a report with another one is refused as settled. */
  readonly attempt: number
  /** The conversation that it belongs to; a task has one of its own. */
  readonly thread: string
  /** Who said it, and what: the words for the model. */
  readonly by: string
  readonly text: string
  /** Images, PDF and text files that came with it, as blocks of the Messages API. */
  readonly attachments: readonly Block[]
  readonly task: TaskBrief | undefined
  /**
   * Everything of the thread so far, this work's own entries included: an agent that was killed goes on from here. It may
   * end with a tool call that has no result, where a work was stopped or died.
   */
  readonly transcript: readonly Entry[]
  /** This work's own entries are in the transcript, its text and attachments among them: they are not said again. */
  readonly begun: boolean
  /** Text of strangers (a web page, a foreign file) is in the thread: sending, secrets and approvals need a person. */
  readonly tainted: boolean
}

export type WorkStart =
  | { readonly outcome: 'go'; readonly work: Work }
  /** Nothing to do: done, cancelled, unknown, or somebody else's now. */
  | { readonly outcome: 'settled' }
  /** Not now (a budget is spent, Claude is away); the runtime sends it again by itself. */
  | { readonly outcome: 'later'; readonly reason: string }

export interface Usage {
  readonly model: string
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
}

/** What happens while an agent works, in the order it happens. */
export type WorkEvent =
  /** A piece of the answer as the model speaks. */
  | { readonly type: 'text'; readonly text: string }
  /** The stream broke and starts again: the text since the last entry is void. */
  | { readonly type: 'retracted' }
  | {
      readonly type: 'tool-started'
      /** Id of the model's tool call. */
      readonly call: string
      readonly tool: string
      /** One line for a person: `npm test in bakery`. */
      readonly title: string
    }
  | { readonly type: 'tool-output'; readonly call: string; readonly text: string }
  | {
      readonly type: 'tool-ended'
      readonly call: string
      readonly outcome: 'done' | 'failed' | 'denied'
      /** One line for a person. */
      readonly summary: string
      readonly milliseconds: number
    }
  /** A message of the conversation is complete; it is durable once the report is answered. */
  | { readonly type: 'entry'; readonly entry: Entry }
  /** Older entries were replaced by a summary: the transcript begins anew with these. */
  | { readonly type: 'compacted'; readonly entries: readonly Entry[] }
  | { readonly type: 'usage'; readonly usage: Usage }
  /** It goes on by itself once something changes: an approval, Claude. Empty when it goes on. */
  | { readonly type: 'waiting'; readonly reason: string }
  /** Text of strangers came in, and from where. */
  | { readonly type: 'tainted'; readonly source: string }

/** What the runtime answers to events. */
export type WorkStanding =
  | { readonly outcome: 'recorded' }
  /** Stop at once; nothing of it counts any more: cancelled, timed out, given to somebody else, or a budget is spent. */
  | { readonly outcome: 'settled'; readonly reason: string }

export interface WorkEnding {
  readonly outcome: 'done' | 'failed'
  /** The answer, or the result of the task, in Markdown; of a failure what went wrong. */
  readonly text: string
}

/** The longest text of one event and the largest entry, in characters of its JSON. */
export const longestEventText = 100_000
export const largestEntry = 15_000_000

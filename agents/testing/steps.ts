/** What the scripted model does with one request. */
export type Step =
  | {
      readonly type: 'speak'
      readonly blocks: readonly StepBlock[]
      readonly stopReason?: 'end_turn' | 'max_tokens' | 'refusal' | 'tool_use' | 'model_context_window_exceeded'
      /** Held after the first piece until this resolves. */
      readonly hold?: Promise<unknown>
      /** Milliseconds before each event of the stream. */
      readonly pace?: number
      /** Told each piece of text as it goes into the socket. */
      readonly sent?: (piece: string) => void
      /** The stream ends in the middle (`cut`), or says nothing more and stays open (`stall`). */
      readonly breaks?: 'cut' | 'stall'
      /** Instead of what the length of the request gives. */
      readonly inputTokens?: number
    }
  | {
      readonly type: 'error'
      readonly status: number
      readonly error: string
      readonly message: string
      /** Seconds, for the header `retry-after`. */
      readonly retryAfter?: number
    }

export type StepBlock =
  | { readonly type: 'text'; readonly pieces: readonly string[] }
  /** `json` goes out word for word as the input, so it may be no JSON at all. */
  | { readonly type: 'call'; readonly tool: string; readonly json: string }

type Speech = Extract<Step, { type: 'speak' }>

/** Says something, in these pieces. */
export const say = (...pieces: readonly string[]): Speech => ({ type: 'speak', blocks: [{ type: 'text', pieces }] })

/** Calls a tool. */
export const call = (tool: string, input: Readonly<Record<string, unknown>> = {}): Speech =>
  malformed(tool, JSON.stringify(input))

/** Calls a tool with an input that is whatever was given, JSON or not. */
export const malformed = (tool: string, json: string): Speech => ({ type: 'speak', blocks: [{ type: 'call', tool, json }] })

/** Several things in one turn: `together(say('I look.'), call('read', …), call('read', …))`. */
export const together = (...steps: readonly Speech[]): Speech => ({ type: 'speak', blocks: steps.flatMap(step => step.blocks) })

/** A turn that says nothing at all. */
export const nothing = (): Speech => ({ type: 'speak', blocks: [] })

/** Stops in the middle of what it says, after `pieces` of it; the connection is cut. */
export const cut = (step: Speech): Speech => ({ ...step, breaks: 'cut' })

/** Says it, then nothing more; the connection stays open. */
export const stalled = (step: Speech): Speech => ({ ...step, breaks: 'stall' })

/** Milliseconds before each event of the stream. */
export const slowly = (pace: number, step: Speech): Speech => ({ ...step, pace })

/** Held after the first piece until the promise resolves. */
export const held = (hold: Promise<unknown>, step: Speech): Speech => ({ ...step, hold })

/** Ends for another reason than being done. */
export const ended = (stopReason: NonNullable<Speech['stopReason']>, step: Speech): Speech => ({ ...step, stopReason })

/** Counts the request as that many tokens, whatever its length. */
export const counted = (inputTokens: number, step: Speech): Speech => ({ ...step, inputTokens })

/** 429, with `retry-after` in seconds. */
export const rateLimited = (retryAfter?: number): Step => problem(429, 'rate_limit_error', 'slow down', retryAfter)

/** 529, with `retry-after` in seconds where there is one. */
export const overloaded = (retryAfter?: number): Step => problem(529, 'overloaded_error', 'Overloaded', retryAfter)

/** Any other refusal. */
export const problem = (status: number, error: string, message: string, retryAfter?: number): Step => ({
  ...{ type: 'error', status, error, message },
  ...(retryAfter === undefined ? {} : { retryAfter }),
})

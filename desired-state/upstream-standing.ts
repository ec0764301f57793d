import { z } from 'zod'

/** What keeps both sides apart. */
export const problemShape = z.object({
  /** One stable word: `diverged`, `invalid`, `away`. */
  reason: z.enum(['gone', 'rewritten', 'diverged', 'unrelated', 'invalid', 'too-large', 'malformed', 'unusable', 'away']),
  /** `waiting` goes on by itself, `stalled` needs a person. */
  state: z.enum(['waiting', 'stalled']),
  /** One sentence. */
  message: z.string(),
  /** Every mistake of an invalid commit, as its pusher would have read them. */
  lines: z.array(z.string()).readonly(),
  /** Heads that it is about. */
  head: z.string().optional(),
  main: z.string().optional(),
})
export type Problem = z.infer<typeof problemShape>

/** How the mirror stands. */
export const standingShape = z.object({
  /** As a person says it: `github.com/me/config`; empty when there is no upstream. */
  url: z.string(),
  branch: z.string(),
  /** Our main. */
  main: z.string(),
  /** The upstream's branch when it was last seen; absent before that, and when there is none. */
  head: z.string().optional(),
  /** The last commit that both sides had. */
  agreed: z.string().optional(),
  /** ISO 8601; when the upstream last answered. */
  seenAt: z.string().optional(),
  problem: problemShape.optional(),
  /** Why what is here could not be sent there; it is tried again. */
  unsent: z.string().optional(),
  /** What a person may choose between, as commands, with what each does. */
  choices: z.array(z.object({ command: z.string(), effect: z.string() })).readonly(),
  /** Public key that this appliance signs its own commits with; empty while nobody asks for signatures. */
  signingKey: z.string(),
})
export type Standing = z.infer<typeof standingShape>

import { readFields } from '../bus/parse.ts'

/** What an agent's process posts to `/agent/verbs/:verb`; the socket says who it is. */
export interface VerbRequest {
  /** Id of the work, and its fencing token. */
  readonly work: string
  readonly attempt: number
  /** Id of the model's tool call; asked again with the same one, a verb is carried out once. */
  readonly call: string
  readonly input: Readonly<Record<string, unknown>>
}

export type VerbAnswer =
  | { readonly verdict: 'done'; readonly result: unknown }
  /** It was tried and did not work: the sentence says why, and what to do. */
  | { readonly verdict: 'failed'; readonly reason: string }
  | { readonly verdict: 'deny'; readonly reason: string }
  /** A person is asked; ask again with the same request once it is decided. */
  | { readonly verdict: 'ask'; readonly approval: string; readonly reason: string }
  /** It was under way when the runtime died, and nobody knows what came of it. */
  | { readonly verdict: 'unknown'; readonly at: string }

export function parseVerbAnswer(value: unknown): VerbAnswer {
  const fields = readFields(value, 'answer')
  const verdict = fields.oneOf('verdict', ['done', 'failed', 'deny', 'ask', 'unknown'])
  switch (verdict) {
    case 'done':
      return { verdict, result: fields.raw.result }
    case 'ask':
      return { verdict, approval: fields.text('approval'), reason: fields.text('reason') }
    case 'unknown':
      return { verdict, at: fields.text('at') }
    default:
      return { verdict, reason: fields.text('reason') }
  }
}

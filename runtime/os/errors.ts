export type ErrorKind = 'invalid' | 'waiting' | 'stalled' | 'failed'

export interface ErrorDetail {
  /** What the error is about: a resource (`site/blog.example.com`), a file, a command. */
  readonly subject?: string
  /** What the reader can do now, as a sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

/**
 * The one error class. The kind says what happens next: `invalid` input is refused, `waiting` goes on by itself once
 * something outside changes, `stalled` needs a person, `failed` is retried.
 */
export class ApplianceError extends Error {
  readonly kind: ErrorKind
  readonly subject: string | undefined
  readonly hint: string | undefined

  constructor(kind: ErrorKind, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'ApplianceError'
    this.kind = kind
    this.subject = detail.subject
    this.hint = detail.hint
  }
}

/** One line for a person: subject, message and hint of an ApplianceError; the message of anything else. */
export function explain(error: unknown): string {
  if (error instanceof ApplianceError) {
    return `${error.subject ? `${error.subject}: ` : ''}${error.message}${error.hint ? ` (${error.hint})` : ''}`
  }
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a system error (`ENOENT`, `ENOSPC`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string') return error.code
  return undefined
}

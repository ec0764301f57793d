import { shortestKnown } from '../telemetry/known-secrets.ts'

/** A value as somebody gave it. */
export interface GivenSecret {
  readonly value: string
  /** What was done with it, for the person who watches. */
  readonly note: string | undefined
}

/** It cannot be told from ordinary words, and is not hidden where it is shown by mistake. */
export const isTooShort = (value: string): boolean => value.length < shortestKnown

/** One line loses the line break that `echo` puts behind it; several lines, like a key file, stay as they are. */
export function withoutEnd(text: string): GivenSecret {
  const value = text.replace(/\r?\n$/, '')
  if (value === text) return { value, note: undefined }
  if (/\n/.test(value)) return { value: text, note: 'it has several lines, and is kept as it is, with the line break at its end' }
  return { value, note: 'the line break at its end is left out' }
}

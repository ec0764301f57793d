import { createHash } from 'node:crypto'

/**
 * Our mark on a file: a first line with the SHA-256 of the rest. A file without it is not ours; one whose rest differs
 * was edited by hand.
 */
export type SealState = 'intact' | 'edited' | 'foreign'

const firstLine = /^# ai-infrastructure (\S.*?) sha256=([0-9a-f]{64})\n/

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex')

export const sealed = (what: string, rest: string) => `# ai-infrastructure ${what} sha256=${digestOf(rest)}\n${rest}`

export function readSeal(text: string): SealState {
  const match = firstLine.exec(text)
  if (match === null) return 'foreign'
  return digestOf(text.slice(match[0].length)) === match[2] ? 'intact' : 'edited'
}

/** What the first line says the file is: `site blog.example.com`. */
export const sealedSubject = (text: string): string | undefined => firstLine.exec(text)?.[1]

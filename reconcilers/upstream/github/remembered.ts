import type { Reports } from './reports.ts'

/** What was said of a pull request last: for which heads, in which words, in which comment, and when. */
export interface Known {
  /** `HEAD on MAIN`; empty: nothing yet. */
  readonly heads: string
  readonly words: string
  readonly comment: string
  /** Milliseconds since the epoch; 0: never. */
  readonly at: number
}

export async function knownOf(reports: Reports, name: string, number: number): Promise<Known> {
  const { said, reference, at } = (await reports.get(name, `pull ${number}`)) ?? { said: '', reference: '', at: undefined }
  const [heads = '', words = ''] = said.split(': ')
  return { heads, words, comment: reference, at: at?.getTime() ?? 0 }
}

export const remember = (reports: Reports, name: string, number: number, { heads, words, comment }: Omit<Known, 'at'>) =>
  reports.set(name, `pull ${number}`, `${heads}: ${words}`, comment)

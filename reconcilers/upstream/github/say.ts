import { printable } from '../../../desired-state/state.ts'
import type { CommitStatus, GitHub } from './client.ts'
import type { Reports } from './reports.ts'

export interface SayDeps {
  readonly reports: Reports
  /** Takes out what is secret. */
  readonly redact: (text: string) => string
  /** Names this appliance beside its words: `ai-infra/HOST`. */
  readonly context: string
  /** Where a person reads more; undefined while the portal is not public. */
  readonly page: (revision: string) => string | undefined
}

/** Characters of a description that GitHub takes. */
const longestDescription = 140

export const shortened = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

/** The status of a commit, unless that was said last; gives whether it was said now. */
export async function say(
  { reports, redact, page }: SayDeps,
  github: GitHub,
  name: string,
  revision: string,
  { state, description }: Pick<CommitStatus, 'state' | 'description'>,
  context: string,
): Promise<boolean> {
  const said = shortened(printable(redact(description)), longestDescription)
  const subject = `status ${revision} ${context}`
  if ((await reports.get(name, subject))?.said === `${state} ${said}`) return false
  await github.setStatus(revision, { state, context, description: said, target: page(revision) })
  await reports.set(name, subject, `${state} ${said}`)
  return true
}

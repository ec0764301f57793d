import type { Merged } from '../../../desired-state/git/merge.ts'
import type { Quarantine } from '../../../desired-state/repository.ts'
import { type DesiredState, type ParseResult, printable, renderMistake } from '../../../desired-state/state.ts'
import { ApplianceError, explain } from '../../../runtime/os/errors.ts'
import type { Mirror } from '../mirror.ts'
import { firstMistake } from '../problems.ts'
import type { Pull } from './client.ts'
import { type SayDeps, shortened } from './say.ts'

export interface ProposalDeps {
  readonly mirror: Pick<Mirror, 'borrow'>
  readonly read: (revision: string, quarantine: Quarantine) => Promise<ParseResult>
  /** What becomes of main with the branch in it; among the quarantine's objects. */
  readonly merge: (main: string, head: string, quarantine: Quarantine) => Promise<Merged>
  /** What converging to this state would do; looks at the world. */
  readonly plan: (state: DesiredState) => Promise<readonly string[]>
  /** What it declares otherwise than main does; looks at nothing. */
  readonly declares: (state: DesiredState) => Promise<readonly string[]>
}

/** What a pull request would do, or why it would be refused. */
export interface Judged {
  readonly valid: boolean
  readonly lines: readonly string[]
}

/** Characters of a comment; GitHub takes 65,536. */
const longestComment = 60_000

/**
 * What merging it into this main would do; undefined when its head is another by now. Throws for what may go better another
 * time: what is wrong with the pull request itself is a judgement.
 */
export async function lookAt(deps: ProposalDeps, pull: Pull, main: string): Promise<Judged | undefined> {
  try {
    return await deps.mirror.borrow(`refs/pull/${pull.number}/head`, async ({ head, quarantine }) =>
      head === pull.head ? await judged(deps, pull, main, quarantine) : undefined,
    )
  } catch (error) {
    if (!isItsOwn(error)) throw error
    return { valid: false, lines: [`${pull.head.slice(0, 8)} cannot be judged: ${explain(error)}`] }
  }
}

/** Too large, malformed, or more than anybody can read: not something on the way there. */
const isItsOwn = (error: unknown): error is ApplianceError =>
  error instanceof ApplianceError && (error.kind === 'stalled' || error.kind === 'invalid')

/** A pull request is a stranger's word: it is read as data, and for one of a fork nothing in the world is even looked at. */
async function judged(deps: ProposalDeps, { head, fork }: Pull, main: string, quarantine: Quarantine): Promise<Judged> {
  const short = head.slice(0, 8)
  const merged = await deps.merge(main, head, quarantine)
  if (merged.outcome === 'conflict') return { valid: false, lines: conflictLines(short, merged.paths) }
  const result = await deps.read(merged.revision, quarantine)
  // It is named by what its author knows, and not by a merge that nobody sees.
  if (result.ok) return { valid: true, lines: await (fork ? deps.declares : deps.plan)({ ...result.state, revision: head }) }
  const count = result.mistakes.length === 1 ? 'a mistake' : `${result.mistakes.length} mistakes`
  return { valid: false, lines: [`${short} has ${count}:`, ...result.mistakes.map(renderMistake)] }
}

const conflictLines = (short: string, paths: readonly string[]): string[] =>
  paths.length === 0
    ? [`${short} has a history of its own, which cannot be merged with main`]
    : [`${short} conflicts with main in ${paths.slice(0, 10).join(', ')}: merge main into it, or rebase it`]

export const descriptionOf = ({ valid, lines }: Judged): string => {
  if (!valid) return firstMistake(lines)
  return lines[1] === undefined ? 'nothing to change' : `a plan of ${lines.length - 1} lines is in the comments`
}

/** The fence is longer than each run of its character, and counts twice among the characters of a comment. */
const withoutLongRuns = (text: string) => text.replaceAll(/~{100,}/g, `${'~'.repeat(99)}…`)

export function commentOf(
  marker: string,
  { redact, context }: Pick<SayDeps, 'redact' | 'context'>,
  pull: Pull,
  { valid, lines }: Judged,
): string {
  const text = shortened(withoutLongRuns(redact(lines.map(printable).join('\n'))), longestComment)
  const fence = '~'.repeat(Math.max(3, ...[...text.matchAll(/~+/g)].map(([run]) => run.length + 1)))
  const headline = valid
    ? `What merging ${pull.head.slice(0, 8)} would do, as **${context}** sees it now:`
    : `**${context}** would refuse ${pull.head.slice(0, 8)}:`
  const note = pull.fork ? '\n\nThis is what it declares: for a fork nothing on the server is looked at.' : ''
  return `${marker}\n${headline}\n\n${fence}\n${text}\n${fence}${note}\n`
}

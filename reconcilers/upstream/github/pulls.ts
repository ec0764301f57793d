import type { Merged } from '../../../desired-state/git/merge.ts'
import type { Quarantine } from '../../../desired-state/repository.ts'
import { type DesiredState, type ParseResult, printable, renderMistake } from '../../../desired-state/state.ts'
import { ApplianceError, explain } from '../../../runtime/os/errors.ts'
import type { Mirror } from '../mirror.ts'
import { firstMistake } from '../problems.ts'
import type { GitHub, Pull } from './client.ts'
import type { Pace } from './pace.ts'
import type { Reports } from './reports.ts'
import { type SayDeps, say, shortened } from './say.ts'

export interface PullDeps extends SayDeps {
  readonly mirror: Pick<Mirror, 'borrow'>
  readonly read: (revision: string, quarantine: Quarantine) => Promise<ParseResult>
  /** What becomes of main with the branch in it; among the quarantine's objects. */
  readonly merge: (main: string, head: string, quarantine: Quarantine) => Promise<Merged>
  /** What converging to this state would do; looks at the world. */
  readonly plan: (state: DesiredState) => Promise<readonly string[]>
  /** What it declares otherwise than main does; looks at nothing. */
  readonly declares: (state: DesiredState) => Promise<readonly string[]>
  readonly pace: Pace
}

/** `later`: not all of it was said, and the next look goes on. */
export type Said = 'done' | 'later'

/** Characters of a comment; GitHub takes 65,536. */
const longestComment = 60_000

/** Says for each pull request what merging it into this main would do, once for each pair of heads. */
export async function reportPulls(
  deps: PullDeps,
  github: GitHub,
  name: string,
  main: string,
  pulls: readonly Pull[],
): Promise<Said> {
  let failure: unknown
  for (const pull of pulls) {
    const known = await knownOf(deps.reports, name, pull.number)
    if (known.heads === headsOf(pull, main)) continue
    if (!deps.pace.take()) return 'later'
    try {
      await reportPull(deps, github, name, pull, main, known)
    } catch (error) {
      // One that cannot be fetched keeps no other waiting; GitHub that asks for patience means all of them.
      if (!(error instanceof ApplianceError) || error.kind === 'waiting') throw error
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
  return 'done'
}

/** What was said of a pull request last: for which heads, in which words, and in which comment. */
interface Known {
  readonly heads: string
  readonly words: string
  readonly comment: string
}

const headsOf = (pull: Pull, main: string) => `${pull.head} on ${main}`

async function knownOf(reports: Reports, name: string, number: number): Promise<Known> {
  const { said = '', reference = '' } = (await reports.get(name, `pull ${number}`)) ?? {}
  const [heads = '', words = ''] = said.split(': ')
  return { heads, words, comment: reference }
}

interface Judged {
  readonly valid: boolean
  readonly lines: readonly string[]
}

async function reportPull(deps: PullDeps, github: GitHub, name: string, pull: Pull, main: string, known: Known): Promise<void> {
  const found = await lookAt(deps, pull, main)
  // It has moved since the list was made; the next round has its new head.
  if (found === undefined) return
  const marker = `<!-- ${deps.context} plan -->`
  const body = commentOf(marker, deps, pull, found)
  const words = Bun.hash(body).toString(36)
  const comment =
    words === known.words && known.comment !== '' ? known.comment : await write(github, pull.number, marker, body, known)
  const said = { state: found.valid ? 'success' : 'failure', description: descriptionOf(found) } as const
  await say(deps, github, name, pull.head, said, `${deps.context} plan`)
  await deps.reports.set(name, `pull ${pull.number}`, `${headsOf(pull, main)}: ${words}`, comment)
}

const descriptionOf = ({ valid, lines }: Judged) => {
  if (!valid) return firstMistake(lines)
  return lines[1] === undefined ? 'nothing to change' : `a plan of ${lines.length - 1} lines is in the comments`
}

/** Over our own comment, where there is one: also one that was written before a crash could remember it. */
async function write(github: GitHub, pull: number, marker: string, body: string, { comment }: Known): Promise<string> {
  if (comment !== '' && (await github.editComment(comment, body))) return comment
  const found = await github.findComment(pull, marker)
  return found !== undefined && (await github.editComment(found, body)) ? found : github.addComment(pull, body)
}

/** Undefined when its head is another by now. */
async function lookAt(deps: PullDeps, pull: Pull, main: string): Promise<Judged | undefined> {
  try {
    return await deps.mirror.borrow(`refs/pull/${pull.number}/head`, async ({ head, quarantine }) =>
      head === pull.head ? judged(deps, pull, main, quarantine) : undefined,
    )
  } catch (error) {
    // Too large to be fetched is what is wrong with it, and not with the way there.
    if (!(error instanceof ApplianceError) || error.kind !== 'stalled') throw error
    return { valid: false, lines: [`${pull.head.slice(0, 8)} cannot be judged: ${explain(error)}`] }
  }
}

/** A pull request is a stranger's word: it is read as data, and for one of a fork nothing in the world is even looked at. */
async function judged(deps: PullDeps, { head, fork }: Pull, main: string, quarantine: Quarantine): Promise<Judged> {
  const short = head.slice(0, 8)
  try {
    const merged = await deps.merge(main, head, quarantine)
    if (merged.outcome === 'conflict') return { valid: false, lines: conflictLines(short, merged.paths) }
    const result = await deps.read(merged.revision, quarantine)
    // It is named by what its author knows, and not by a merge that nobody sees.
    if (result.ok) return { valid: true, lines: await (fork ? deps.declares : deps.plan)({ ...result.state, revision: head }) }
    const count = result.mistakes.length === 1 ? 'a mistake' : `${result.mistakes.length} mistakes`
    return { valid: false, lines: [`${short} has ${count}:`, ...result.mistakes.map(renderMistake)] }
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    return { valid: false, lines: [`${short} cannot be judged: ${explain(error)}`] }
  }
}

const conflictLines = (short: string, paths: readonly string[]): string[] =>
  paths.length === 0
    ? [`${short} has a history of its own, which cannot be merged with main`]
    : [`${short} conflicts with main in ${paths.slice(0, 10).join(', ')}: merge main into it, or rebase it`]

/** The fence is longer than each run of its character, and counts twice among the characters of a comment. */
const withoutLongRuns = (text: string) => text.replaceAll(/~{100,}/g, `${'~'.repeat(99)}…`)

function commentOf(marker: string, { redact, context }: PullDeps, pull: Pull, { valid, lines }: Judged): string {
  const text = shortened(withoutLongRuns(redact(lines.map(printable).join('\n'))), longestComment)
  const fence = '~'.repeat(Math.max(3, ...[...text.matchAll(/~+/g)].map(([run]) => run.length + 1)))
  const headline = valid
    ? `What merging ${pull.head.slice(0, 8)} would do, as **${context}** sees it now:`
    : `**${context}** would refuse ${pull.head.slice(0, 8)}:`
  const note = pull.fork ? '\n\nThis is what it declares: for a fork nothing on the server is looked at.' : ''
  return `${marker}\n${headline}\n\n${fence}\n${text}\n${fence}${note}\n`
}

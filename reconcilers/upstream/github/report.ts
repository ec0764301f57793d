import type { Quarantine } from '../../../desired-state/repository.ts'
import type { DesiredState, ParseResult, UpstreamRepository } from '../../../desired-state/state.ts'
import { printable, renderMistake } from '../../../desired-state/state.ts'
import { ApplianceError, explain } from '../../../runtime/os/errors.ts'
import type { Mirror } from '../mirror.ts'
import { firstMistake } from '../problems.ts'
import type { Followed } from '../records.ts'
import { gitHubAddress } from './address.ts'
import type { CommitStatus, GitHub, GitHubAddress, Pull } from './client.ts'
import type { Reports } from './reports.ts'

export interface ReportDeps {
  readonly mirror: Pick<Mirror, 'followed' | 'borrow'>
  readonly head: () => Promise<string | undefined>
  readonly read: (revision: string, quarantine: Quarantine) => Promise<ParseResult>
  readonly connect: (address: GitHubAddress, declared: UpstreamRepository) => Promise<GitHub>
  readonly reports: Reports
  /** How main is reached, in one line. */
  readonly outcome: () => Pick<CommitStatus, 'state' | 'description'>
  /** What converging to this state would do; looks at the world. */
  readonly plan: (state: DesiredState) => Promise<readonly string[]>
  /** What it declares otherwise than main does; looks at nothing. */
  readonly declares: (state: DesiredState) => Promise<readonly string[]>
  /** Takes out what is secret. */
  readonly redact: (text: string) => string
  /** Names this appliance beside its words: `ai-infra/HOST`. */
  readonly context: string
  /** Where a person reads more; undefined while the portal is not public. */
  readonly page: (revision: string) => string | undefined
}

/** Characters of a description that GitHub takes. */
const longestDescription = 140
/** Characters of a comment; GitHub takes 65,536. */
const longestComment = 60_000
/** Pull requests whose plans are made in one round. */
const mostPulls = 20

/**
 * Says on GitHub how things stand, and nothing that was said already: the status of the newest commit, and the plan of each
 * pull request, when they are to be asked for. Throws ApplianceError for what could not be said; the next call says it.
 */
export async function reportToGitHub(deps: ReportDeps, { pulls }: { readonly pulls: boolean }): Promise<void> {
  const followed = deps.mirror.followed()
  const address = followed && gitHubAddress(followed.declared)
  if (followed === undefined || address === undefined) return
  const github = await deps.connect(address, followed.declared)
  const name = `${address.api} ${address.owner}/${address.repo}`
  await reportHead(deps, github, name, followed)
  if (pulls && followed.declared.pull_requests !== 'none') await reportPulls(deps, github, name, followed.declared)
}

async function reportHead(deps: ReportDeps, github: GitHub, name: string, { head, problem }: Followed): Promise<void> {
  if (head === undefined) return
  if (problem?.reason === 'invalid' && problem.head !== undefined) {
    const said = { state: 'failure', description: firstMistake(problem.lines) } as const
    return say(deps, github, name, problem.head, said, deps.context)
  }
  if (problem === undefined && head === (await deps.head())) await say(deps, github, name, head, deps.outcome(), deps.context)
}

async function say(
  { reports, redact, page }: ReportDeps,
  github: GitHub,
  name: string,
  revision: string,
  { state, description }: Pick<CommitStatus, 'state' | 'description'>,
  context: string,
): Promise<void> {
  const said = shortened(printable(redact(description)), longestDescription)
  const subject = `status ${revision} ${context}`
  if ((await reports.get(name, subject))?.said === `${state} ${said}`) return
  await github.setStatus(revision, { state, context, description: said, target: page(revision) })
  await reports.set(name, subject, `${state} ${said}`)
}

const shortened = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

async function reportPulls(
  deps: ReportDeps,
  github: GitHub,
  name: string,
  { branch, pull_requests }: UpstreamRepository,
): Promise<void> {
  const pulls = (await github.pulls(branch)).filter(({ fork }) => !fork || pull_requests === 'all')
  for (const pull of pulls.slice(0, mostPulls)) {
    const known = await deps.reports.get(name, `pull ${pull.number}`)
    if (known?.said !== pull.head) await reportPull(deps, github, name, pull, known?.reference ?? '')
  }
}

async function reportPull(deps: ReportDeps, github: GitHub, name: string, pull: Pull, reference: string): Promise<void> {
  const { lines, valid } = await deps.mirror.borrow(`refs/pull/${pull.number}/head`, async ({ head, quarantine }) =>
    head === pull.head ? judged(deps, pull, head, quarantine) : { lines: [], valid: undefined },
  )
  // It has moved since the list was made; the next round has its new head.
  if (valid === undefined) return
  const marker = `<!-- ${deps.context} plan -->`
  const body = commentOf(marker, deps, pull, lines, valid)
  const edited = reference !== '' && (await github.editComment(reference, body))
  const id = edited ? reference : await putComment(github, pull.number, marker, body)
  const description = valid
    ? lines[1] === undefined
      ? 'nothing to change'
      : `a plan of ${lines.length - 1} lines is in the comments`
    : firstMistake(lines)
  await say(deps, github, name, pull.head, { state: valid ? 'success' : 'failure', description }, `${deps.context} plan`)
  await deps.reports.set(name, `pull ${pull.number}`, pull.head, id)
}

async function putComment(github: GitHub, pull: number, marker: string, body: string): Promise<string> {
  const known = await github.findComment(pull, marker)
  return known !== undefined && (await github.editComment(known, body)) ? known : github.addComment(pull, body)
}

/** A pull request is a stranger's word: it is read as data, and for one of a fork nothing in the world is even looked at. */
async function judged({ read, plan, declares }: ReportDeps, { fork }: Pull, head: string, quarantine: Quarantine) {
  try {
    const result = await read(head, quarantine)
    if (result.ok) return { valid: true, lines: await (fork ? declares(result.state) : plan(result.state)) }
    const count = result.mistakes.length === 1 ? 'a mistake' : `${result.mistakes.length} mistakes`
    return { valid: false, lines: [`${head.slice(0, 8)} has ${count}:`, ...result.mistakes.map(renderMistake)] }
  } catch (error) {
    if (!(error instanceof ApplianceError)) throw error
    return { valid: false, lines: [`${head.slice(0, 8)} cannot be judged: ${explain(error)}`] }
  }
}

function commentOf(
  marker: string,
  { redact, context }: ReportDeps,
  pull: Pull,
  lines: readonly string[],
  valid: boolean,
): string {
  const text = shortened(redact(lines.map(printable).join('\n')), longestComment)
  const fence = '~'.repeat(Math.max(3, ...[...text.matchAll(/~+/g)].map(([run]) => run.length + 1)))
  const headline = valid
    ? `What merging ${pull.head.slice(0, 8)} would do, as **${context}** sees it now:`
    : `**${context}** would refuse ${pull.head.slice(0, 8)}:`
  const note = pull.fork ? '\n\nThis is what it declares: for a fork nothing on the server is looked at.' : ''
  return `${marker}\n${headline}\n\n${fence}\n${text}\n${fence}${note}\n`
}

import type { UpstreamRepository } from '../../../desired-state/state.ts'
import type { Mirror } from '../mirror.ts'
import { firstMistake } from '../problems.ts'
import type { Followed } from '../records.ts'
import { gitHubAddress } from './address.ts'
import type { CommitStatus, GitHub, GitHubAddress } from './client.ts'
import { type PullDeps, reportPulls, type Said } from './pulls.ts'
import { say } from './say.ts'

export interface ReportDeps extends PullDeps {
  readonly mirror: Pick<Mirror, 'followed' | 'borrow'>
  readonly head: () => Promise<string | undefined>
  readonly connect: (address: GitHubAddress, declared: UpstreamRepository) => Promise<GitHub>
  /** How main is reached, in one line. */
  readonly outcome: () => Pick<CommitStatus, 'state' | 'description'>
  /** Whether nothing moves on the server: a plan made meanwhile would show what main itself is about to do. */
  readonly isCalm: () => boolean
}

/**
 * Says on GitHub how things stand, and nothing that was said already: the status of the newest commit, and the plan of each
 * pull request, when they are to be asked for. Throws ApplianceError for what could not be said; the next call says it.
 */
export async function reportToGitHub(deps: ReportDeps, { pulls }: { readonly pulls: boolean }): Promise<Said> {
  const followed = deps.mirror.followed()
  const address = followed && gitHubAddress(followed.declared)
  if (followed === undefined || address === undefined) return 'done'
  const github = await deps.connect(address, followed.declared)
  const name = `${address.api} ${address.owner}/${address.repo}`
  await reportHead(deps, github, name, followed)
  const { branch, pull_requests } = followed.declared
  if (!pulls || pull_requests === 'none') return 'done'
  const main = await deps.head()
  if (main === undefined || !deps.isCalm()) return 'later'
  const open = await github.pulls(branch)
  return reportPulls(
    deps,
    github,
    name,
    main,
    open.filter(({ fork }) => !fork || pull_requests === 'all'),
  )
}

/** What keeps both sides apart stands beside the commit there that it is about. */
async function reportHead(deps: ReportDeps, github: GitHub, name: string, { head, problem }: Followed): Promise<void> {
  if (problem?.state === 'stalled' && problem.head !== undefined) {
    const said = {
      state: 'failure',
      description: problem.lines.length > 0 ? firstMistake(problem.lines) : problem.message,
    } as const
    await say(deps, github, name, problem.head, said, deps.context)
  }
  if (head === undefined || problem !== undefined || head !== (await deps.head())) return
  await say(deps, github, name, head, deps.outcome(), deps.context)
}

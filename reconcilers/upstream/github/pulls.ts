import { ApplianceError, explain } from '../../../runtime/os/errors.ts'
import type { Log } from '../../../runtime/os/log.ts'
import type { CommitStatus, GitHub, Pull } from './client.ts'
import { type Pace, plansPace } from './pace.ts'
import { commentOf, descriptionOf, type Judged, lookAt, type ProposalDeps } from './proposal.ts'
import { type Known, knownOf, remember } from './remembered.ts'
import { type SayDeps, say } from './say.ts'
import type { Setbacks } from './setbacks.ts'

export interface PullDeps extends ProposalDeps, SayDeps {
  /** Of plans. */
  readonly pace: Pace
  /** Of words to those who wait for one. */
  readonly notices: Pace
  /** Heads for which it failed. */
  readonly setbacks: Setbacks
  readonly log: Log
}

/** `later`: not all of it was said, and the next look goes on. */
export type Said = 'done' | 'later'

/** In one round: what they take of its time has an end as well. */
const mostFailures = 20

interface Open {
  readonly pull: Pull
  readonly known: Known
}

/** A new commit starts anew. */
const subjectOf = ({ number, head }: Pull) => `${number} ${head}`

const headsOf = (pull: Pull, main: string) => `${pull.head} on ${main}`

const isJudged = ({ pull, known }: Open) => known.heads.startsWith(`${pull.head} on `)

/**
 * Says for each pull request what merging it into this main would do, once for each pair of heads, in the order of
 * {@link inOrder}. One that fails takes nothing of the pace of the others, comes after them, and rests for a while.
 */
export async function reportPulls(
  deps: PullDeps,
  github: GitHub,
  name: string,
  main: string,
  pulls: readonly Pull[],
): Promise<Said> {
  const { setbacks, pace } = deps
  setbacks.retain(new Set(pulls.map(subjectOf)))
  const all = await Promise.all(pulls.map(async pull => ({ pull, known: await knownOf(deps.reports, name, pull.number) })))
  const due = all.filter(({ pull, known }) => known.heads !== headsOf(pull, main))
  const waiting = inOrder(due, setbacks).filter(({ pull }) => !setbacks.isResting(subjectOf(pull)))
  const failed: Failed[] = []
  let told = 0
  while (waiting.length > 0 && failed.length < mostFailures && pace.take()) {
    const [open] = waiting.splice(0, 1)
    if (open === undefined) break
    try {
      if (await report(deps, github, name, open, main)) told += 1
    } catch (error) {
      // GitHub that asks for patience means all of them.
      if (isPatience(error)) throw error
      failed.push({ open, error })
    }
  }
  await notify(deps, github, name, failed, waiting)
  return told === due.length ? 'done' : 'later'
}

/**
 * First those whose own commits nobody has judged yet, then those where only main has moved: of each, the one that was
 * judged longest ago, and of those that never were, the one that changed last. So none is overtaken for ever. Those that
 * have failed come at the end.
 */
function inOrder(open: readonly Open[], setbacks: Setbacks): Open[] {
  const rank = (each: Open) => (setbacks.count(subjectOf(each.pull)) > 0 ? 2 : isJudged(each) ? 1 : 0)
  return open.toSorted((a, b) => rank(a) - rank(b) || a.known.at - b.known.at)
}

const isPatience = (error: unknown) => error instanceof ApplianceError && error.kind === 'waiting'

/** False when its head is another by now: the next round has that. */
async function report(deps: PullDeps, github: GitHub, name: string, { pull, known }: Open, main: string): Promise<boolean> {
  const found = await lookAt(deps, pull, main).catch(cause => {
    deps.pace.giveBack()
    // What is not ours to explain is not for strangers to read either.
    const words = cause instanceof ApplianceError ? explain(cause) : 'the server cannot look at it'
    throw new ApplianceError('failed', words, { cause })
  })
  if (found !== undefined) await tell(deps, github, name, pull, known, main, found)
  else deps.pace.giveBack()
  return found !== undefined
}

async function tell(deps: PullDeps, github: GitHub, name: string, pull: Pull, known: Known, main: string, found: Judged) {
  const marker = `<!-- ${deps.context} plan -->`
  const body = commentOf(marker, deps, pull, found)
  const words = Bun.hash(body).toString(36)
  const comment =
    words === known.words && known.comment !== '' ? known.comment : await write(github, pull.number, marker, body, known)
  const said = { state: found.valid ? 'success' : 'failure', description: descriptionOf(found) } as const
  await say(deps, github, name, pull.head, said, contextOf(deps))
  await remember(deps.reports, name, pull.number, { heads: headsOf(pull, main), words, comment })
}

const contextOf = ({ context }: Pick<SayDeps, 'context'>) => `${context} plan`

/** Over our own comment, where there is one: also one that was written before a crash could remember it. */
async function write(github: GitHub, pull: number, marker: string, body: string, { comment }: Known): Promise<string> {
  if (comment !== '' && (await github.editComment(comment, body))) return comment
  const found = await github.findComment(pull, marker)
  return found !== undefined && (await github.editComment(found, body)) ? found : github.addComment(pull, body)
}

interface Failed {
  readonly open: Open
  readonly error: unknown
}

const comesLater = `its plan comes later: at most ${plansPace.minute} are made in a minute, and ${plansPace.hour} in an hour`

/** Beside their commits, those who wait read why; once for each, at a pace of its own. */
async function notify(deps: PullDeps, github: GitHub, name: string, failed: readonly Failed[], waiting: readonly Open[]) {
  for (const { open, error } of failed) {
    const failures = deps.setbacks.add(subjectOf(open.pull))
    const cause = error instanceof Error && error.cause !== undefined ? { cause: explain(error.cause) } : {}
    deps.log.warn('no plan for a pull request', { pull: open.pull.number, failures, error: explain(error), ...cause })
    if (failures === 1) await pending(deps, github, name, open, `it is tried again by itself: ${explain(error)}`)
  }
  for (const open of waiting) {
    if (deps.setbacks.count(subjectOf(open.pull)) === 0) await pending(deps, github, name, open, comesLater)
  }
}

async function pending(deps: PullDeps, github: GitHub, name: string, open: Open, description: string): Promise<void> {
  if (isJudged(open) || !deps.notices.take()) return
  const said = { state: 'pending', description } as const satisfies Pick<CommitStatus, 'state' | 'description'>
  try {
    if (!(await say(deps, github, name, open.pull.head, said, contextOf(deps)))) deps.notices.giveBack()
  } catch (error) {
    if (isPatience(error)) throw error
    deps.log.warn('not reported', { pull: open.pull.number, error: explain(error) })
  }
}

import type { Fetched } from '../../desired-state/git/remote.ts'
import type { UpstreamRepository } from '../../desired-state/state.ts'
import type { Problem } from '../../desired-state/upstream-standing.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { choose, type Facts } from './choose.ts'
import { away, invalid, isRefusal, stalled, unfetchable } from './problems.ts'
import type { Sides } from './sides.ts'

/** Fetches in a row while somebody else moves main. */
const mostTries = 3

/** Asks the upstream, and does what follows from it. Never rejects for what is wrong there: that is written down. */
export async function lookOnce(sides: Sides): Promise<void> {
  const { records, clock, log } = sides
  const followed = records.current()
  if (followed === undefined) return
  const { declared, problem } = followed
  const main = await sides.head()
  try {
    if (isRefused(problem, main) && (await headThere(sides, declared)) === problem?.head)
      return await sides.settle(problem, { seenAt: clock.now() })
    for (let tries = 0; tries < mostTries && (await lookThrough(sides, declared)) === 'again'; tries++);
  } catch (error) {
    const reason = refusalOf(error)
    const current = records.current()?.problem
    // What a person has to choose does not go away with the connection.
    if (current?.state === 'stalled' && current.main === main && reason === undefined) {
      log.info('upstream not reached', { error: explain(error) })
      return
    }
    if (reason === undefined) return await sides.settle(away(error, main))
    // It is not fetched again until it is another commit.
    const head = await headThere(sides, declared).catch(() => undefined)
    // Without a commit it is the address that is of no use.
    await sides.settle(unfetchable(head === undefined ? 'unusable' : reason, error, main, head))
  }
}

function refusalOf(error: unknown): 'too-large' | 'malformed' | undefined {
  const kind = error instanceof ApplianceError ? error.kind : undefined
  return kind === 'stalled' ? 'too-large' : kind === 'invalid' ? 'malformed' : undefined
}

/** A commit that was judged already, against the main of now. */
const isRefused = (problem: Problem | undefined, main: string): boolean =>
  problem !== undefined && isRefusal(problem) && problem.main === main

const headThere = ({ reach, exchange, options }: Sides, declared: UpstreamRepository) =>
  reach(declared, remote => exchange.head(remote, declared.branch, options()))

const lookThrough = (sides: Sides, declared: UpstreamRepository): Promise<'done' | 'again'> =>
  sides.fetchedBranch(declared, async fetched => {
    const main = await sides.head()
    const choice = choose(await factsOf(sides, main, fetched))
    const seen = { head: fetched.head, seenAt: sides.clock.now() }
    switch (choice.step) {
      case 'same':
        await sides.settle(undefined, { ...seen, agreed: main })
        return 'done'
      case 'push':
        await sides.settle(undefined, seen)
        return 'done'
      case 'stall':
        await sides.settle(stalled(choice.reason, main, choice.head), seen)
        return 'done'
      case 'accept':
        return await accept(sides, main, choice.head, fetched)
    }
  })

async function factsOf(sides: Sides, main: string, { head: theirs, quarantine }: Fetched): Promise<Facts> {
  const agreed = sides.records.current()?.agreed
  const within = (ancestor: string | undefined, revision: string | undefined) =>
    ancestor === undefined || revision === undefined ? false : sides.repository.isAncestor(ancestor, revision, quarantine)
  return {
    ...{ main, head: theirs, agreed },
    headInMain: theirs !== undefined && (await sides.follows(theirs, main)),
    mainInHead: await within(main, theirs),
    agreedInHead: await within(agreed, theirs),
  }
}

/** Theirs follows ours: judged as a push is, and main when it is good. */
async function accept(sides: Sides, main: string, theirs: string, fetched: Fetched): Promise<'done' | 'again'> {
  const { records, exchange, clock, log, step } = sides
  const verdict = await sides.judge({ old: main, new: theirs }, fetched.quarantine)
  if (verdict.main === undefined) {
    if (records.current()?.problem?.head !== theirs)
      await sides.record('upstream.refused', theirs, 'denied', { lines: verdict.lines.slice(0, 20) })
    await sides.settle(invalid(main, theirs, verdict.lines), { head: theirs, seenAt: clock.now() })
    return 'done'
  }
  await Promise.all([sides.rehearse(verdict.main.state), sides.record('upstream.accepted', theirs, 'success', { before: main })])
  await fetched.keep()
  step('kept')
  if (!(await exchange.advance(main, theirs))) return 'again'
  step('accepted')
  sides.moved()
  await sides.settle(undefined, { head: theirs, agreed: theirs, seenAt: clock.now() })
  step('recorded')
  exchange.tidy().catch(error => log.debug('not packed', { error: explain(error) }))
  return 'done'
}

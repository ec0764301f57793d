import type { Fetched } from '../../desired-state/git/remote.ts'
import type { Verdict } from '../../desired-state/push.ts'
import type { Author } from '../../desired-state/repository.ts'
import type { UpstreamRepository } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Adopted } from './mirror.ts'
import { shownUrl } from './remote.ts'
import type { Sides } from './sides.ts'

/** What a person binds a choice to: beginnings of the heads as they were shown. */
export interface Bound {
  readonly head?: string | undefined
  readonly main?: string | undefined
}

/** What is there becomes our main; what was main is in its history, or archived. */
export async function adoptTheirs(sides: Sides, bound: Bound, from: UpstreamRepository | undefined): Promise<Adopted> {
  const { exchange, repository, clock, step } = sides
  const declared = from ?? sides.needed().declared
  const main = await sides.head()
  refuseOther(bound.main, main, 'here')
  return sides.fetchedBranch(declared, async fetched => {
    const theirs = existing(fetched.head, declared)
    refuseOther(bound.head, theirs, 'there')
    if (theirs === main) return { revision: main }
    const verdict = await sides.judgeAdoption({ old: main, new: theirs }, fetched.quarantine)
    if (!verdict.accepted) throw new ApplianceError('invalid', `${theirs.slice(0, 8)} is refused:\n${verdict.lines.join('\n')}`)
    const forward = await repository.isAncestor(main, theirs, fetched.quarantine)
    await sides.record('upstream.adopted', theirs, 'success', { before: main })
    await fetched.keep()
    step('kept')
    const archive = forward ? undefined : await exchange.archive(main, clock.now())
    step('archived')
    if (!(await exchange.advance(main, theirs)))
      throw new ApplianceError('invalid', 'main has moved meanwhile', { hint: 'look again, and repeat' })
    step('accepted')
    sides.moved()
    await sides.settle(undefined, { head: theirs, agreed: theirs, seenAt: clock.now() })
    step('recorded')
    return { revision: theirs, ...(archive !== undefined && { archive }) }
  })
}

/** What the other side would change, were it adopted; nothing of it is kept. */
export async function previewTheirs<T>(sides: Sides, use: (head: string, verdict: Verdict) => Promise<T>): Promise<T> {
  const { declared } = sides.needed()
  const main = await sides.head()
  return sides.fetchedBranch(declared, async fetched => {
    const theirs = existing(fetched.head, declared)
    return await use(theirs, await sides.judgeAdoption({ old: main, new: theirs }, fetched.quarantine))
  })
}

/** What is here stays, and goes there with the next push: over a history that is made part of ours, or over none. */
export async function keepOurs(sides: Sides, bound: Bound, author: Author): Promise<string> {
  const { declared } = sides.needed()
  const main = await sides.head()
  refuseOther(bound.main, main, 'here')
  return sides.fetchedBranch(declared, async fetched => {
    const theirs = fetched.head
    if (theirs !== undefined) refuseOther(bound.head, theirs, 'there')
    const behind = theirs === undefined || (await sides.follows(theirs, main))
    const revision = behind ? main : await joined(sides, main, theirs, fetched, author, declared)
    await sides.record('upstream.kept', revision, 'success', { there: theirs })
    // Nothing is agreed any more: what was taken away there goes there again.
    sides.moved()
    await sides.settle(undefined, { head: theirs, agreed: undefined, seenAt: sides.clock.now() })
    sides.step('recorded')
    return revision
  })
}

/** One commit with both histories that says what ours says. */
async function joined(
  { repository, exchange, step }: Sides,
  main: string,
  theirs: string,
  fetched: Fetched,
  author: Author,
  { url }: UpstreamRepository,
): Promise<string> {
  const lists = await repository.signers(main)
  for (const { signers } of lists) {
    const [unsigned] = await repository.unsigned(main, theirs, signers, fetched.quarantine)
    if (unsigned === undefined) continue
    throw new ApplianceError('invalid', `${unsigned.revision} there ${unsigned.why}, so its history cannot become part of main`, {
      hint: 'take it away there yourself, from a clone of this server',
    })
  }
  await fetched.keep()
  step('kept')
  const message = `Keep what is declared here\n\nThe history of ${shownUrl(url)} at ${theirs.slice(0, 8)} is part of this commit; its content is not.`
  const revision = await exchange.join(main, theirs, author, message, lists.length > 0)
  if (revision === undefined) throw new ApplianceError('invalid', 'main has moved meanwhile', { hint: 'look again, and repeat' })
  step('accepted')
  return revision
}

function existing(head: string | undefined, { url, branch }: UpstreamRepository): string {
  if (head !== undefined) return head
  throw new ApplianceError('invalid', `${shownUrl(url)} has no branch ${branch}`, { hint: 'it gets yours by itself' })
}

function refuseOther(wanted: string | undefined, found: string, where: string): void {
  if (wanted === undefined || found.startsWith(wanted)) return
  throw new ApplianceError('invalid', `${where} main is ${found.slice(0, 8)} by now, and not ${wanted.slice(0, 8)}`, {
    hint: 'look again, and choose then',
  })
}

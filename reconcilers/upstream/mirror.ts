import type { Exchange } from '../../desired-state/git/exchange.ts'
import type { Fetched, Remote } from '../../desired-state/git/remote.ts'
import type { Verdict } from '../../desired-state/push.ts'
import type { Author, Quarantine, Repository } from '../../desired-state/repository.ts'
import type { DesiredState, UpstreamRepository } from '../../desired-state/state.ts'
import type { Problem, Standing } from '../../desired-state/upstream-standing.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import type { Log } from '../../runtime/os/log.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import { choose, type Sides } from './choose.ts'
import { away, choicesOf, invalid, stalled } from './problems.ts'
import type { Followed, Records } from './records.ts'
import { shownUrl } from './remote.ts'

export interface MirrorDeps {
  readonly repository: Pick<Repository, 'head' | 'isAncestor' | 'signers' | 'unsigned'>
  readonly exchange: Exchange
  readonly records: Records
  /** What Git needs to reach it, for as long as `use` takes. */
  readonly reach: <T>(declared: UpstreamRepository, use: (remote: Remote) => Promise<T>) => Promise<T>
  /** As any push is judged. */
  readonly judge: (update: { readonly old: string; readonly new: string }, quarantine: Quarantine) => Promise<Verdict>
  /** The same for a commit that need not follow main. */
  readonly judgeAdoption: MirrorDeps['judge']
  /** It is about to be main: what can be done ahead of that is begun. */
  readonly rehearse: (state: DesiredState) => Promise<void>
  /** Main has moved. */
  readonly moved: () => void
  /** How it stands is another. */
  readonly changed: () => void
  readonly audit: (
    action: string,
    target: string,
    outcome: 'success' | 'denied',
    details: Record<string, unknown>,
  ) => Promise<void>
  readonly signingKey: () => Promise<string>
  readonly clock: Clock
  readonly log: Log
  /** How a person calls the command line. */
  readonly command: string
  /** Called before and after everything that has an effect; a test ends the process here. */
  readonly step: (name: string) => void
  /** Milliseconds that one command of Git may take. */
  readonly patience?: number
}

/** What a person binds a choice to: beginnings of the heads as they were shown. */
export interface Bound {
  readonly head?: string | undefined
  readonly main?: string | undefined
}

export interface Adopted {
  readonly revision: string
  /** Where what was main is kept; absent when it is in the new history. */
  readonly archive?: string | undefined
}

export interface Mirror {
  standing(): Promise<Standing>
  followed(): Followed | undefined
  follow(declared: UpstreamRepository): Promise<void>
  forget(): Promise<void>
  /** Asks the upstream once, and does what follows from it. Never rejects: what is wrong is in the standing. */
  look(): Promise<void>
  /** Our main goes there, as a change of the engine. */
  push(signal: AbortSignal, step: (name: string) => Promise<void>): Promise<void>
  /** What is there becomes our main. */
  adopt(bound: Bound, from?: UpstreamRepository): Promise<Adopted>
  /** What the other side would change, were it adopted; nothing of it is kept. */
  preview<T>(use: (head: string, verdict: Verdict) => Promise<T>): Promise<T>
  /** What is here is kept, and goes there. */
  keep(bound: Bound, author: Author): Promise<string>
  /** Any other ref of the upstream, in quarantine for as long as `use` takes. */
  borrow<T>(ref: string, use: (fetched: Pick<Fetched, 'head' | 'quarantine'>) => Promise<T>): Promise<T>
}

const patience = 120_000
/** Fetches in a row while somebody else moves main. */
const mostTries = 3

export function createMirror(deps: MirrorDeps): Mirror {
  const { repository, exchange, records, clock, log, step } = deps
  // A fetch and a push work in one repository, with one key on the disk.
  const alone = oneAtATime()
  const options = (signal = AbortSignal.timeout(600_000)) => ({ timeout: deps.patience ?? patience, signal })

  const head = async (): Promise<string> => {
    const main = await repository.head()
    if (main === undefined) throw new ApplianceError('waiting', 'there is no commit here yet')
    return main
  }

  const settle = async (problem: Problem | undefined, patch: Partial<Followed> = {}) => {
    const before = records.current()?.problem
    await records.update({ ...patch, problem })
    if (before?.message !== problem?.message && problem !== undefined)
      log.warn('upstream', { reason: problem.reason, error: problem.message })
    deps.changed()
  }

  const lookOnce = async (): Promise<void> => {
    const followed = records.current()
    if (followed === undefined) return
    const { declared, problem } = followed
    const main = await head()
    try {
      await deps.reach(declared, async remote => {
        if (isRefused(problem, main) && (await exchange.head(remote, declared.branch, options())) === problem?.head) {
          return settle(problem, { seenAt: clock.now() })
        }
        for (let tries = 0; tries < mostTries && (await lookThrough(remote, declared)) === 'again'; tries++);
      })
    } catch (error) {
      const current = records.current()?.problem
      // What a person has to choose does not go away with the connection.
      if (
        current !== undefined &&
        current.state === 'stalled' &&
        current.main === main &&
        !(error instanceof ApplianceError && error.kind === 'stalled')
      ) {
        log.info('upstream not reached', { error: explain(error) })
        return
      }
      await settle(away(error, main, await headOfTooLarge(error, declared)))
    }
  }

  /** What is too large is not fetched again until it is another commit. */
  const headOfTooLarge = async (error: unknown, declared: UpstreamRepository): Promise<string | undefined> =>
    error instanceof ApplianceError && error.kind === 'stalled'
      ? deps.reach(declared, remote => exchange.head(remote, declared.branch, options())).catch(() => undefined)
      : undefined

  const lookThrough = async (remote: Remote, { branch }: UpstreamRepository): Promise<'done' | 'again'> => {
    step('fetch')
    await using fetched = await exchange.fetch(remote, `refs/heads/${branch}`, options())
    step('fetched')
    const main = await head()
    const choice = choose(await sidesOf(main, fetched))
    const seen = { head: fetched.head, seenAt: clock.now() }
    switch (choice.step) {
      case 'same':
        await settle(undefined, { ...seen, agreed: main })
        return 'done'
      case 'push':
        await settle(undefined, seen)
        return 'done'
      case 'stall':
        await settle(stalled(choice.reason, main, choice.head), seen)
        return 'done'
      case 'accept':
        return await accept(main, choice.head, fetched)
    }
  }

  const sidesOf = async (main: string, { head: theirs, quarantine }: Fetched): Promise<Sides> => {
    const agreed = records.current()?.agreed
    const within = (ancestor: string | undefined, revision: string | undefined) =>
      ancestor === undefined || revision === undefined ? false : repository.isAncestor(ancestor, revision, quarantine)
    return {
      ...{ main, head: theirs, agreed },
      headInMain: theirs !== undefined && (await follows(theirs, main)),
      mainInHead: await within(main, theirs),
      agreedInHead: await within(agreed, theirs),
    }
  }

  const accept = async (main: string, theirs: string, fetched: Fetched): Promise<'done' | 'again'> => {
    const verdict = await deps.judge({ old: main, new: theirs }, fetched.quarantine)
    if (verdict.main === undefined) {
      const problem = invalid(main, theirs, verdict.lines)
      if (records.current()?.problem?.head !== theirs)
        await record('upstream.refused', theirs, 'denied', { lines: verdict.lines.slice(0, 20) })
      await settle(problem, { head: theirs, seenAt: clock.now() })
      return 'done'
    }
    await Promise.all([deps.rehearse(verdict.main.state), record('upstream.accepted', theirs, 'success', { before: main })])
    await fetched.keep()
    step('kept')
    if (!(await exchange.advance(main, theirs))) return 'again'
    step('accepted')
    deps.moved()
    await settle(undefined, { head: theirs, agreed: theirs, seenAt: clock.now() })
    step('recorded')
    exchange.tidy().catch(error => log.debug('not packed', { error: explain(error) }))
    return 'done'
  }

  const record = (action: string, target: string, outcome: 'success' | 'denied', details: Record<string, unknown>) =>
    deps.audit(action, target, outcome, { ...details, upstream: shownUrl(records.current()?.declared.url ?? '') })

  const needed = (): Followed => {
    const followed = records.current()
    if (followed !== undefined) return followed
    throw new ApplianceError('invalid', 'there is no upstream', {
      hint: 'write upstream: { url: … } into settings.yaml, and push',
    })
  }

  /** Whether what is there is part of what is here. */
  const follows = async (theirs: string, main: string) =>
    (await exchange.has(theirs)) && (await repository.isAncestor(theirs, main))

  return {
    followed: () => records.current(),
    follow: records.follow,
    forget: records.forget,
    look: () => alone(lookOnce),
    async standing() {
      const [followed, main] = [records.current(), (await repository.head()) ?? '']
      const signed = main !== '' && (await repository.signers(main)).length > 0
      const signingKey = signed ? await deps.signingKey() : ''
      if (followed === undefined) return { url: '', branch: '', main, choices: [], signingKey }
      const { declared, head: theirs, agreed, seenAt, problem } = followed
      return {
        ...{ url: shownUrl(declared.url), branch: declared.branch, main, signingKey },
        ...(theirs !== undefined && { head: theirs }),
        ...(agreed !== undefined && { agreed }),
        ...(seenAt !== undefined && { seenAt: seenAt.toISOString() }),
        ...(problem !== undefined && { problem }),
        choices: choicesOf(problem, deps.command),
      }
    },
    push: (signal, journal) =>
      alone(async () => {
        const { declared, head: from } = needed()
        const main = await head()
        if (from !== undefined && !(await follows(from, main)))
          throw new ApplianceError('failed', 'the upstream has moved meanwhile')
        await journal('begin')
        const move = { from, to: main, branch: declared.branch }
        const { outcome } = await deps.reach(declared, remote => exchange.push(remote, move, options(signal)))
        await journal('pushed')
        if (outcome === 'pushed') return settle(undefined, { head: main, agreed: main, seenAt: clock.now() })
        await lookOnce()
        const found = records.current()?.problem
        if (found === undefined) return
        throw new ApplianceError(found.state, found.message)
      }),
    adopt: (bound, from) =>
      alone(async () => {
        const declared = from ?? needed().declared
        const main = await head()
        refuseOther(bound.main, main, 'here')
        return deps.reach(declared, async remote => {
          await using fetched = await exchange.fetch(remote, `refs/heads/${declared.branch}`, options())
          const theirs = existing(fetched.head, declared)
          refuseOther(bound.head, theirs, 'there')
          if (theirs === main) return { revision: main }
          const verdict = await deps.judgeAdoption({ old: main, new: theirs }, fetched.quarantine)
          if (!verdict.accepted)
            throw new ApplianceError('invalid', `${theirs.slice(0, 8)} is refused:\n${verdict.lines.join('\n')}`)
          const forward = await repository.isAncestor(main, theirs, fetched.quarantine)
          await record('upstream.adopted', theirs, 'success', { before: main })
          await fetched.keep()
          step('kept')
          const { moved, archive } = forward
            ? { moved: await exchange.advance(main, theirs), archive: undefined }
            : await exchange.replace(main, theirs, clock.now())
          if (!moved) throw new ApplianceError('invalid', 'main has moved meanwhile', { hint: 'look again, and repeat' })
          step('accepted')
          deps.moved()
          await settle(undefined, { head: theirs, agreed: theirs, seenAt: clock.now() })
          return { revision: theirs, ...(archive !== undefined && { archive }) }
        })
      }),
    preview: use =>
      alone(async () => {
        const { declared } = needed()
        const main = await head()
        return deps.reach(declared, async remote => {
          await using fetched = await exchange.fetch(remote, `refs/heads/${declared.branch}`, options())
          const theirs = existing(fetched.head, declared)
          return await use(theirs, await deps.judgeAdoption({ old: main, new: theirs }, fetched.quarantine))
        })
      }),
    keep: (bound, author) =>
      alone(async () => {
        const { declared } = needed()
        const main = await head()
        refuseOther(bound.main, main, 'here')
        return deps.reach(declared, async remote => {
          await using fetched = await exchange.fetch(remote, `refs/heads/${declared.branch}`, options())
          const theirs = fetched.head
          if (theirs !== undefined) refuseOther(bound.head, theirs, 'there')
          const behind = theirs === undefined || (await follows(theirs, main))
          const revision = behind ? main : await joined(main, theirs, fetched, author, declared)
          await record('upstream.kept', revision, 'success', { there: theirs })
          // Nothing is agreed any more: what was taken away there goes there again.
          await settle(undefined, { head: theirs, agreed: undefined, seenAt: clock.now() })
          deps.moved()
          return revision
        })
      }),
    borrow: (ref, use) =>
      alone(() =>
        deps.reach(needed().declared, async remote => {
          await using fetched = await exchange.fetch(remote, ref, options())
          return await use(fetched)
        }),
      ),
  }

  async function joined(
    main: string,
    theirs: string,
    fetched: Fetched,
    author: Author,
    { url }: UpstreamRepository,
  ): Promise<string> {
    const signers = await repository.signers(main)
    const [unsigned] = signers.length === 0 ? [] : await repository.unsigned(main, theirs, signers, fetched.quarantine)
    if (unsigned !== undefined) {
      throw new ApplianceError(
        'invalid',
        `${unsigned.revision} there ${unsigned.why}, so its history cannot become part of main`,
        {
          hint: 'take it away there yourself, from a clone of this server',
        },
      )
    }
    await fetched.keep()
    step('kept')
    const message = `Keep what is declared here\n\nThe history of ${shownUrl(url)} at ${theirs.slice(0, 8)} is part of this commit; its content is not.`
    const revision = await exchange.join(main, theirs, author, message, signers.length > 0)
    if (revision === undefined)
      throw new ApplianceError('invalid', 'main has moved meanwhile', { hint: 'look again, and repeat' })
    step('accepted')
    return revision
  }
}

/** A commit that was judged already, against the main of now. */
const isRefused = (problem: Problem | undefined, main: string): boolean =>
  (problem?.reason === 'invalid' || problem?.reason === 'too-large') && problem.main === main

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

import type { Exchange } from '../../desired-state/git/exchange.ts'
import type { Fetched, Remote } from '../../desired-state/git/remote.ts'
import type { Verdict } from '../../desired-state/push.ts'
import type { Author, Quarantine, Repository } from '../../desired-state/repository.ts'
import type { DesiredState, UpstreamRepository } from '../../desired-state/state.ts'
import type { Standing } from '../../desired-state/upstream-standing.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Log } from '../../runtime/os/log.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import { adoptTheirs, type Bound, keepOurs, previewTheirs } from './decide.ts'
import { lookOnce } from './look.ts'
import { pushOurs } from './push.ts'
import type { Followed, Records } from './records.ts'
import { createSides } from './sides.ts'
import { standingOf } from './standing.ts'

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

/** Milliseconds: main waits for it. */
const borrowing = 30_000

export function createMirror(deps: MirrorDeps): Mirror {
  const { records } = deps
  // A fetch and a push work in one repository, with one key on the disk.
  const alone = oneAtATime()
  const sides = createSides(deps)
  return {
    followed: () => records.current(),
    follow: records.follow,
    forget: records.forget,
    standing: () => standingOf(deps),
    look: () => alone(() => lookOnce(sides)),
    push: (signal, journal) => alone(() => pushOurs(sides, signal, journal)),
    adopt: (bound, from) => alone(() => adoptTheirs(sides, bound, from)),
    preview: use => alone(() => previewTheirs(sides, use)),
    keep: (bound, author) => alone(() => keepOurs(sides, bound, author)),
    borrow: (ref, use) => alone(() => sides.fetched(sides.needed().declared, ref, use, borrowing)),
  }
}

import type { Home } from '../../runtime/os/home.ts'
import { spawnBytes } from '../../runtime/os/spawn.ts'
import type { Author, Quarantine } from '../repository.ts'
import { createGit, type SpawnBytes } from './command.ts'
import { removeStaleLocks } from './locks.ts'
import { type Merged, mergeApart } from './merge.ts'
import { enterQuarantine } from './quarantine.ts'
import {
  type Fetched,
  fetchRef,
  type Move,
  type PushResult,
  pushTo,
  type Remote,
  type RemoteOptions,
  remoteHead,
  strangerLimits,
} from './remote.ts'
import { ensureSigningKey, signingOptions } from './signatures.ts'
import { storedCommit } from './stored.ts'
import { moveMain, writeCommit } from './write.ts'

/** What goes between the desired-state repository and one elsewhere. */
export interface Exchange {
  /** One ref of it into quarantine; the caller disposes of it. */
  fetch(remote: Remote, ref: string, options: RemoteOptions): Promise<Fetched>
  /** The commit that a branch there is at; undefined when there is none. */
  head(remote: Remote, branch: string, options: RemoteOptions): Promise<string | undefined>
  push(remote: Remote, move: Move, options: RemoteOptions): Promise<PushResult>
  /** Whether the repository itself has the commit. */
  has(revision: string): Promise<boolean>
  /** Moves main, if it is still at `from`. */
  advance(from: string, to: string): Promise<boolean>
  /** Keeps a commit under `refs/archive/`, where it may be already, and gives its name there. */
  archive(revision: string, now: Date): Promise<string>
  /** One commit that says what `ours` says, with both histories, as main; undefined when main is no longer at `ours`. */
  join(ours: string, theirs: string, author: Author, message: string, signed: boolean): Promise<string | undefined>
  /** What becomes of `ours` with `theirs` in it; of the quarantine's objects, and gone with them. */
  merge(ours: string, theirs: string, quarantine: Quarantine): Promise<Merged>
  /** Packs what has piled up, when it is much. */
  tidy(): Promise<void>
}

export function createExchange(home: Pick<Home, 'repository' | 'keys'>, run: SpawnBytes = spawnBytes): Exchange {
  const gitdir = home.repository
  const git = createGit(gitdir, run)
  const limited = createGit(gitdir, (argv, options) => run([...strangerLimits, ...argv], options))
  const move = async (from: string, to: string) => {
    await removeStaleLocks(gitdir)
    return moveMain(git, from, to)
  }
  return {
    fetch: (remote, ref, options) => fetchRef(gitdir, run, remote, ref, options),
    head: (remote, branch, options) => remoteHead(gitdir, run, remote, branch, options),
    push: (remote, move, options) => pushTo(gitdir, run, remote, move, options),
    has: async revision => (await storedCommit(gitdir, revision)) !== undefined,
    advance: move,
    async archive(revision, now) {
      const [known] = (await git.text(['for-each-ref', '--points-at', revision, '--format=%(refname)', 'refs/archive/'])).split(
        '\n',
      )
      if (known !== undefined && known !== '') return known
      const name = `refs/archive/main-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z-${revision.slice(0, 8)}`
      await git.bytes(['update-ref', name, revision])
      return name
    },
    async join(ours, theirs, author, message, signed) {
      if (signed) await ensureSigningKey(home.keys, run)
      const tree = await git.text(['rev-parse', `${ours}^{tree}`])
      const commit = await writeCommit(git, tree, [ours, theirs], author, message, signed ? signingOptions(home.keys) : undefined)
      return (await move(ours, commit)) ? commit : undefined
    },
    merge: async (ours, theirs, quarantine) => mergeApart(limited, await enterQuarantine(gitdir, quarantine), ours, theirs),
    tidy: async () => void (await git(['gc', '--auto', '--quiet'])),
  }
}

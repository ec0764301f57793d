import type { Home } from '../../runtime/os/home.ts'
import { spawnBytes } from '../../runtime/os/spawn.ts'
import type { Author } from '../repository.ts'
import { createGit, type SpawnBytes } from './command.ts'
import { removeStaleLocks } from './locks.ts'
import {
  type Fetched,
  fetchRef,
  type Move,
  type PushResult,
  pushTo,
  type Remote,
  type RemoteOptions,
  remoteHead,
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
  /** Keeps what main was under `refs/archive/`, and moves main to what need not follow it, if it is still at `from`. */
  replace(from: string, to: string, now: Date): Promise<{ readonly moved: boolean; readonly archive: string }>
  /** One commit that says what `ours` says, with both histories, as main; undefined when main is no longer at `ours`. */
  join(ours: string, theirs: string, author: Author, message: string, signed: boolean): Promise<string | undefined>
  /** Packs what has piled up, when it is much. */
  tidy(): Promise<void>
}

export function createExchange(home: Pick<Home, 'repository' | 'keys'>, run: SpawnBytes = spawnBytes): Exchange {
  const gitdir = home.repository
  const git = createGit(gitdir, run)
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
    async replace(from, to, now) {
      const archive = `refs/archive/main-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z-${from.slice(0, 8)}`
      await git.bytes(['update-ref', archive, from])
      return { moved: await move(from, to), archive }
    },
    async join(ours, theirs, author, message, signed) {
      if (signed) await ensureSigningKey(home.keys, run)
      const tree = await git.text(['rev-parse', `${ours}^{tree}`])
      const commit = await writeCommit(git, tree, [ours, theirs], author, message, signed ? signingOptions(home.keys) : undefined)
      return (await move(ours, commit)) ? commit : undefined
    },
    tidy: async () => void (await git(['gc', '--auto', '--quiet'])),
  }
}

import type { Mistake, ParseResult, Signer } from './state.ts'

export interface Author {
  readonly name: string
  readonly email: string
}

export interface CommitSummary {
  readonly revision: string
  readonly parents: readonly string[]
  readonly author: Author
  /** ISO 8601. */
  readonly date: string
  readonly subject: string
  readonly body: string
}

/** New content of files by path; `null` removes one. */
export type Edits = ReadonlyMap<string, string | null>

export type CommitResult =
  | { readonly outcome: 'committed'; readonly revision: string }
  | { readonly outcome: 'unchanged' }
  | { readonly outcome: 'refused'; readonly mistakes: readonly Mistake[] }
  /** Somebody else moved main meanwhile; nothing was written. */
  | { readonly outcome: 'conflict'; readonly head: string }

/** A commit whose signature does not count, and why: `is not signed`. */
export interface Unsigned {
  readonly revision: string
  readonly why: string
}

/** People of whom one has to sign; never empty. */
export interface SignerList {
  readonly signers: readonly Signer[]
  /** For a person: `allowed_signers of settings.yaml, as of 1a2b3c4d`. */
  readonly from: string
}

/** Where the objects of a push lie until it is accepted (`GIT_QUARANTINE_PATH`, checked to be inside the repository). */
export interface Quarantine {
  readonly path: string
}

/** The desired-state repository. Reads in process; whatever is written is written by Git itself. */
export interface Repository {
  /** Commit of main; undefined before the first. */
  head(): Promise<string | undefined>
  /** Full hash of anything that names a commit (branch, short hash, `HEAD~1`), or undefined. */
  resolve(name: string): Promise<string | undefined>
  /** Parses and cross-checks a commit; results are cached by commit. */
  read(revision: string, quarantine?: Quarantine): Promise<ParseResult>
  /** Text of one file of a commit. */
  file(revision: string, path: string): Promise<string | undefined>
  history(limit: number, before?: string): Promise<readonly CommitSummary[]>
  commit(revision: string): Promise<CommitSummary | undefined>
  /** Unified diff of a commit against its first parent. */
  diff(revision: string): Promise<string>
  /** Unified diff of all files from one commit to another. */
  compare(from: string, to: string): Promise<string>
  /** Whether `ancestor` is in the history of `revision`. */
  isAncestor(ancestor: string, revision: string, quarantine?: Quarantine): Promise<boolean>
  /**
   * Lists of who may sign what comes after this commit; of each of them somebody has to. That of the newest state at or
   * before it that can be read, and the one in force, while what that state says waits for an approval. Empty when
   * signatures are not asked for.
   */
  signers(revision: string): Promise<readonly SignerList[]>
  /**
   * Commits of `to` that are not in `from` and that neither one of these people nor the appliance itself has signed, the
   * oldest first.
   */
  unsigned(from: string, to: string, signers: readonly Signer[], quarantine?: Quarantine): Promise<readonly Unsigned[]>
  /** The tree of `base` with the edits, as it would be read; nothing is written to main. */
  preview(base: string, edits: Edits): Promise<ParseResult>
  /** Writes edits on top of `base` as one commit and moves main from `base` to it, if main is still there and the result is valid. */
  edit(base: string, edits: Edits, author: Author, message: string): Promise<CommitResult>
  /** One commit on top of `base` whose tree is that of `revision`. */
  restore(base: string, revision: string, author: Author, message: string): Promise<CommitResult>
}

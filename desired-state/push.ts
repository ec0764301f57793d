import { ApplianceError, explain } from '../runtime/os/errors.ts'
import type { Quarantine, Repository } from './repository.ts'
import { type DesiredState, printable, renderMistake } from './state.ts'

/** One line that Git gives a receive hook: a ref and where it moves; undefined where it is created or deleted. */
export interface RefUpdate {
  readonly old: string | undefined
  readonly new: string | undefined
  readonly ref: string
}

/** One branch of an accepted push, with what its new commit declares. */
export interface PushedBranch {
  readonly ref: string
  readonly old: string | undefined
  readonly new: string
  readonly state: DesiredState
}

export interface Verdict {
  readonly accepted: boolean
  /** What the pusher reads, without line breaks; empty when there is nothing to say. */
  readonly lines: readonly string[]
  /** Set when the push moves main. */
  readonly main: PushedBranch | undefined
  /** All branches but main, whose plans are shown and not carried out. */
  readonly others: readonly PushedBranch[]
}

const main = 'refs/heads/main'

/** Each is parsed and planned while its pusher waits. */
const mostBranches = 16

/** The lines of pre-receive and post-receive, `<old> <new> <ref>`; undefined when one of them is something else. */
export function parseRefUpdates(text: string): readonly RefUpdate[] | undefined {
  const updates: RefUpdate[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const match = /^([0-9a-f]{40}) ([0-9a-f]{40}) (refs\/[^\p{Cc} ]+)$/u.exec(line)
    const [, from = '', to = '', ref = ''] = match ?? []
    if (match === null) return undefined
    updates.push({ old: commitOrNone(from), new: commitOrNone(to), ref })
  }
  return updates
}

const commitOrNone = (revision: string) => (/^0+$/.test(revision) ? undefined : revision)

/**
 * Decides on a push before anything of it is accepted: all of it or nothing. Main moves forward only, and every branch
 * must be a state that the appliance understands; tags are free.
 */
export async function judgePush(
  repository: Repository,
  updates: readonly RefUpdate[],
  quarantine?: Quarantine,
): Promise<Verdict> {
  const lines: string[] = []
  const branches: PushedBranch[] = []
  const moved = updates.filter(update => update.ref.startsWith('refs/heads/') && update.new !== undefined).length
  if (moved > mostBranches) lines.push(`this push moves ${moved} branches, and may move ${mostBranches}: push fewer at a time`)
  for (const update of lines.length > 0 ? [] : updates) {
    const judged = await judgeUpdate(repository, update, quarantine)
    if ('branch' in judged) branches.push(judged.branch)
    else lines.push(...judged.refused)
  }
  if (lines.length > 0) {
    lines.push('Refused: nothing on the server has changed.')
    return { accepted: false, lines: lines.map(printable), main: undefined, others: [] }
  }
  return {
    accepted: true,
    lines: [],
    main: branches.find(branch => branch.ref === main),
    others: branches.filter(branch => branch.ref !== main),
  }
}

/**
 * The same for a commit that takes the place of main without following it, because a person has said so: what it declares
 * and who signed it are judged as in any push.
 */
export async function judgeAdoption(
  repository: Repository,
  update: { readonly old: string; readonly new: string },
  quarantine: Quarantine,
): Promise<Verdict> {
  const result = await repository.read(update.new, quarantine).catch(unreadable)
  const judged = await judgeContent(repository, { ...update, ref: main }, result, quarantine)
  if ('branch' in judged) return { accepted: true, lines: [], main: judged.branch, others: [] }
  return { accepted: false, lines: judged.refused.map(printable), main: undefined, others: [] }
}

type Judged = { readonly branch: PushedBranch } | { readonly refused: readonly string[] }

async function judgeUpdate(repository: Repository, update: RefUpdate, quarantine: Quarantine | undefined): Promise<Judged> {
  const { ref, old, new: target } = update
  if (ref.startsWith('refs/tags/')) return { refused: [] }
  if (!ref.startsWith('refs/heads/')) return { refused: [`${ref} is neither a branch nor a tag: push to a branch`] }
  if (target === undefined) {
    return { refused: ref === main ? ['main cannot be deleted: it is what the server should be'] : [] }
  }
  // In this order: whoever has read a commit knows its parents, and mostly needs no process of Git to compare.
  const result = await repository.read(target, quarantine).catch(unreadable)
  if (ref === main && old !== undefined && !(await repository.isAncestor(old, target, quarantine))) {
    return {
      refused: ['main cannot be rewritten, it only moves forward: git pull --rebase, then push again; to go back, git revert'],
    }
  }
  return judgeContent(repository, { ref, old, new: target }, result, quarantine)
}

/** What the commit declares, and, where main is to be signed, who signed it and those before it. */
async function judgeContent(
  repository: Repository,
  { ref, old, new: target }: { readonly ref: string; readonly old: string | undefined; readonly new: string },
  result: Awaited<ReturnType<Repository['read']>> | ReturnType<typeof unreadable>,
  quarantine: Quarantine | undefined,
): Promise<Judged> {
  const name = ref.slice('refs/heads/'.length)
  if ('because' in result) return { refused: [`${name} at ${target.slice(0, 8)} cannot be judged: ${result.because}`] }
  if (ref === main && old !== undefined) {
    const unsigned = await unsignedLines(repository, old, target, quarantine)
    if (unsigned.length > 0) return { refused: unsigned }
  }
  if (result.ok) return { branch: { ref, old, new: target, state: result.state } }
  const count = result.mistakes.length === 1 ? 'a mistake' : `${result.mistakes.length} mistakes`
  return { refused: [`${name} at ${target.slice(0, 8)} has ${count}:`, ...result.mistakes.map(renderMistake)] }
}

const mostUnsigned = 10

/** What is wrong with the signatures of new commits, by the list of the state before them; not by what they say themselves. */
async function unsignedLines(
  repository: Repository,
  old: string,
  target: string,
  quarantine: Quarantine | undefined,
): Promise<readonly string[]> {
  if (old === target) return []
  for (const { signers, from } of await repository.signers(old)) {
    const found = await repository.unsigned(old, target, signers, quarantine)
    if (found.length === 0) continue
    return [
      `main takes signed commits only (${from}):`,
      ...found.slice(0, mostUnsigned).map(({ revision, why }) => `  ${revision} ${why}`),
      ...(found.length > mostUnsigned ? [`  … and ${found.length - mostUnsigned} more`] : []),
      `sign them and push again: git rebase --exec 'git commit --amend --no-edit -S' ${old.slice(0, 8)}`,
    ]
  }
  return []
}

/** A commit that is too much to read is refused like one that says something wrong. */
function unreadable(error: unknown): { readonly because: string } {
  if (error instanceof ApplianceError) return { because: explain(error) }
  throw error
}

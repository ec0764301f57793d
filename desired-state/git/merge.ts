import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Git } from './command.ts'
import { identityEnvironment } from './write.ts'

export type Merged =
  | { readonly outcome: 'merged'; readonly revision: string }
  /** Files that both have changed; empty for two histories that have nothing to do with each other. */
  | { readonly outcome: 'conflict'; readonly paths: readonly string[] }

/** Milliseconds that a stranger's tree may take to be merged. */
const patience = 20_000

/**
 * What a branch becomes when it is merged into ours: a commit among the objects that `env` names, and no ref. Attributes
 * and drivers have no say, and the same two commits give the same one. `git` has limits: a tree of a stranger that takes
 * more cannot be merged.
 */
export async function mergeApart(git: Git, env: Readonly<Record<string, string>>, ours: string, theirs: string): Promise<Merged> {
  const { code: behind } = await git(['merge-base', '--is-ancestor', ours, theirs], { env, timeout: patience })
  if (behind === 0) return { outcome: 'merged', revision: theirs }
  const words = [
    ...['-c', 'merge.renameLimit=200', '-c', 'core.bigFileThreshold=16m'],
    ...['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs],
  ]
  const { code, stdout, stderr } = await git(words, { env, timeout: patience })
  const [tree = '', ...paths] = new TextDecoder().decode(stdout).split('\0').filter(Boolean)
  if (code === 1) return { outcome: 'conflict', paths: [...new Set(paths)] }
  if (/unrelated histories/.test(stderr)) return { outcome: 'conflict', paths: [] }
  if (code !== 0)
    throw new ApplianceError(
      'invalid',
      `it cannot be merged: ${stderr.trim().slice(0, 300) || 'it takes too much memory or room'}`,
    )
  const dates = { GIT_AUTHOR_DATE: '@0 +0000', GIT_COMMITTER_DATE: '@0 +0000' }
  const who = identityEnvironment({ name: 'AI Infrastructure', email: 'appliance@localhost' })
  const commit = ['commit-tree', '-p', ours, '-p', theirs, '-m', 'A merge that is only looked at', tree]
  return { outcome: 'merged', revision: await git.text(commit, { env: { ...env, ...who, ...dates } }) }
}

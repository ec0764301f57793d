import { existsSync } from 'node:fs'

export interface Worktree {
  /** Bare repository of the project, which is only read. */
  readonly repository: string
  /** One store of objects for each project of an agent: its worktrees share it, so that a large history is there once. */
  readonly store: string
  readonly folder: string
  /** Each task has a branch of its own, which outlives its folder. */
  readonly branch: string
  /** Who commits. */
  readonly agent: string
}

export interface WorktreeFacts {
  /** `git status --short --branch`. */
  readonly state: string
  /** The last commits; empty for a project without any. */
  readonly log: string
  /** The first of them. */
  readonly files: readonly string[]
  readonly count: number
}

const mostFiles = 100

export const upstream = 'refs/remotes/origin/main'

/** Brings a worktree up to what others have submitted; makes it, and the store, where they are not there. */
export function openWorktree(worktree: Worktree): WorktreeFacts {
  const { repository, folder } = worktree
  prepareStore(worktree)
  const begun = existsSync(repository)
  if (begun) inStore(worktree, 'fetch', '--quiet', '--no-tags', 'origin')
  if (existsSync(`${folder}/.git`)) follow(folder)
  else addWorktree(worktree, begun)
  const log = git(folder, ['log', '--oneline', '--decorate', '-n', '10'])
  const files = must(folder, 'ls-files').split('\n').filter(Boolean)
  return {
    state: must(folder, 'status', '--short', '--branch'),
    log: log.code === 0 ? log.out : '',
    files: files.slice(0, mostFiles),
    count: files.length,
  }
}

interface GitAnswer {
  readonly code: number
  readonly out: string
  readonly said: string
}

function git(cwd: string, args: readonly string[]): GitAnswer {
  const piped = { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' } as const
  const { exitCode, stdout, stderr } = Bun.spawnSync(['git', ...args], { cwd, ...piped })
  return { code: exitCode, out: stdout.toString().trimEnd(), said: stderr.toString().trim() }
}

const must = (cwd: string, ...args: readonly string[]): string => outputOf(args, git(cwd, args))

const askStore = ({ store }: Worktree, ...args: readonly string[]) => git('/', ['--git-dir', store, ...args])
const inStore = (worktree: Worktree, ...args: readonly string[]): string => outputOf(args, askStore(worktree, ...args))

function outputOf([verb]: readonly string[], { code, out, said }: GitAnswer): string {
  if (code === 0) return out
  throw new Error(`git ${verb}: ${said || out || `exit status ${code}`}`)
}

/** The address of the project is written last: where it stands, the rest does, too. */
function prepareStore(worktree: Worktree): void {
  if (askStore(worktree, 'config', 'remote.origin.url').code === 0) return
  const { repository, store, agent } = worktree
  must('/', 'init', '--quiet', '--bare', '--template=', '--initial-branch=main', '--', store)
  const settings = [
    ['user.name', agent],
    ['user.email', `${agent}@ai-infrastructure.invalid`],
    // Nobody sits at an editor: a rebase goes on with the message that is there.
    ['core.editor', 'true'],
    ['remote.origin.fetch', `+refs/heads/main:${upstream}`],
    ['remote.origin.url', repository],
  ] as const
  for (const [name, value] of settings) inStore(worktree, 'config', name, value)
}

/** Goes along with what others have submitted, where nothing of one's own is in the way. */
function follow(folder: string): void {
  const { code, out } = git(folder, ['status', '--porcelain', '--untracked-files=no'])
  if (code === 0 && out === '') git(folder, ['merge', '--ff-only', '--quiet', upstream])
}

function addWorktree(worktree: Worktree, begun: boolean): void {
  const { folder, branch } = worktree
  inStore(worktree, 'worktree', 'prune')
  if (askStore(worktree, 'rev-parse', '--verify', '--quiet', `refs/heads/${branch}`).code === 0) {
    inStore(worktree, 'worktree', 'add', '--quiet', folder, branch)
    return
  }
  if (begun) {
    forgetSubmitted(worktree)
    inStore(worktree, 'worktree', 'add', '--quiet', '--no-track', '-b', branch, folder, upstream)
    return
  }
  // A worktree begins at a commit; a new project has none, so an empty one is left behind at once.
  const empty = inStore(worktree, 'commit-tree', '-m', 'empty', inStore(worktree, 'hash-object', '-w', '-t', 'tree', '/dev/null'))
  inStore(worktree, 'worktree', 'add', '--quiet', '--detach', folder, empty)
  must(folder, 'switch', '--quiet', '--orphan', branch)
}

/** Branches of tasks whose folder is gone and whose work is on main. What was never submitted stays. */
function forgetSubmitted(worktree: Worktree): void {
  const format = '--format=%(refname:short)%(if)%(worktreepath)%(then) used%(end)'
  const listed = askStore(worktree, 'for-each-ref', format, `--merged=${upstream}`, 'refs/heads/task/')
  const gone = listed.out.split('\n').filter(name => name !== '' && !name.includes(' '))
  if (gone.length > 0) askStore(worktree, 'branch', '--quiet', '-D', '--', ...gone)
}

import { basename, join } from 'node:path'
import { z } from 'zod'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { projectPattern, projectRepository } from '../../runtime/projects/names.ts'
import { failed, shown, tool } from './define.ts'
import type { WorktreeFacts } from './inside/worktree.ts'
import { inside } from './inside.ts'
import { homeOf, shownPath } from './paths.ts'
import { runs } from './run.ts'
import type { Tool, ToolContext } from './tool.ts'

const project = z
  .string()
  .regex(projectPattern, 'small letters, digits and "-": bakery-site')
  .describe('Name of the project: bakery-site.')

/** What others have submitted, as the worktrees of this agent know it. */
const upstream = 'refs/remotes/origin/main'

const worktreeOf = (name: string, { folder }: ToolContext) => join(folder, name)
const repositoryOf = (name: string, context: ToolContext) => projectRepository(homeOf(context), name)

/** Git in the sandbox, in the worktree of a project. */
async function gitIn(
  name: string,
  args: readonly string[],
  context: ToolContext,
): Promise<{ code: number; out: string; said: string }> {
  const { code, stdout, stderr, notes } = await context.run({ argv: ['git', ...args], cwd: worktreeOf(name, context) })
  return { code: code ?? -1, out: stdout.trimEnd(), said: [stderr.trim(), ...notes].filter(Boolean).join('; ') }
}

async function mustIn(name: string, args: readonly string[], context: ToolContext): Promise<string> {
  const { code, out, said } = await gitIn(name, args, context)
  if (code === 0) return out
  throw new ApplianceError('failed', `git ${args[0]}: ${said || out || `exit status ${code}`}`)
}

const open = tool({
  name: 'project_open',
  description:
    'Gives you a Git worktree of a project in your folder of this work, on a branch of its own that begins at main; a project that does not exist yet is begun empty. Work and commit in it, then project_submit. Opened again, it fetches what others have submitted, and goes along with it unless you have commits or changes of your own: then commit, and rebase on origin/main.',
  input: z.strictObject({ project }),
  title: input => `open ${input.project}`,
  needs: ({ project }, context) => [
    { kind: 'read', path: repositoryOf(project, context) },
    { kind: 'write', path: worktreeOf(project, context) },
  ],
  async execute({ project }, context) {
    const folder = worktreeOf(project, context)
    const { state, log, files, count } = await inside<WorktreeFacts>(context, {
      ...{ op: 'worktree', folder, branch: `task/${basename(context.folder)}`, agent: context.agent },
      repository: repositoryOf(project, context),
      store: join(context.workspace, 'cache', 'projects', `${project}.git`),
    })
    const listed = [...files, ...(count > files.length ? [`… ${count} files in all`] : [])]
    const about = [
      `folder: ${shownPath(folder, context)}`,
      state,
      log === '' ? 'no commit yet: the project is new' : `last commits:\n${log}`,
      count === 0 ? 'no files yet' : `files:\n${listed.join('\n')}`,
    ]
    return { content: about.join('\n'), summary: log === '' ? 'a new project' : `${count} files` }
  },
})

const commit = tool({
  name: 'project_commit',
  description:
    'Commits everything that has changed in your worktree of a project (or only the paths named), with a message that says what and why.',
  input: z.strictObject({
    project,
    message: z.string().min(3).max(5_000),
    paths: z.array(z.string().min(1).max(1_000)).max(200).optional().describe('Inside the project; default: everything.'),
  }),
  title: input => `commit ${input.project}: ${input.message.split('\n')[0]?.slice(0, 60)}`,
  needs: ({ project }, context) => [{ kind: 'write', path: worktreeOf(project, context) }],
  async execute({ project, message, paths = ['.'] }, context) {
    await mustIn(project, ['add', '--all', '--', ...paths], context)
    const { code, out, said } = await gitIn(project, ['commit', '--quiet', '-m', message], context)
    if (code !== 0)
      return failed(/nothing to commit|nothing added/.test(`${out}${said}`) ? 'there is nothing to commit' : out || said)
    return { content: await mustIn(project, ['show', '--stat', '--format=%h %s', 'HEAD'], context) }
  },
})

const submit = tool({
  name: 'project_submit',
  description:
    'Sends what you have committed to the project, so that the other agents get it and it can be published. It only moves forward: when somebody else has submitted meanwhile it is refused, and you rebase (project_open, then git rebase origin/main), check again, and submit again.',
  input: z.strictObject({ project }),
  title: input => `submit ${input.project}`,
  needs: ({ project }, context) => [runs(['git', 'bundle', 'create'], worktreeOf(project, context))],
  async execute({ project }, context) {
    const open = await mustIn(project, ['status', '--porcelain'], context)
    if (open !== '') return failed(`not everything is committed; commit it, or name it in .gitignore:\n${open.slice(0, 2_000)}`)
    const head = await mustIn(project, ['rev-parse', 'HEAD'], context)
    const known = await gitIn(project, ['rev-parse', '--verify', '--quiet', upstream], context)
    if (known.out === head) return { content: `nothing new: main of ${project} is at ${head.slice(0, 12)} already` }
    const name = `temp/${project}-${head.slice(0, 16)}.bundle`
    const file = join(context.workspace, name)
    const without = known.code === 0 ? [`^${known.out}`] : []
    await mustIn(project, ['bundle', 'create', '--quiet', '--version=2', file, 'HEAD', ...without], context)
    try {
      const received = await context.verb('project.submit', { project, bundle: name })
      await mustIn(project, ['update-ref', upstream, head], context)
      return { content: shown(received), summary: `${project} is at ${head.slice(0, 12)}` }
    } finally {
      await context.run({ argv: ['rm', '-f', '--', file], cwd: context.folder })
    }
  },
})

const log = tool({
  name: 'project_log',
  description: 'Shows the last commits in your worktree of a project, with what each changed.',
  input: z.strictObject({ project, limit: z.int().min(1).max(100).optional() }),
  title: input => `history of ${input.project}`,
  needs: ({ project }, context) => [{ kind: 'read', path: worktreeOf(project, context) }],
  async execute({ project, limit = 20 }, context) {
    return {
      content: await mustIn(project, ['log', '--stat', '--format=%h %an %ad %s', '--date=iso', '-n', String(limit)], context),
    }
  },
})

const diff = tool({
  name: 'project_diff',
  description: 'Shows what has changed in your worktree of a project: against the last commit, or since a commit or branch.',
  input: z.strictObject({
    project,
    since: z
      .string()
      .regex(/^[A-Za-z0-9_][A-Za-z0-9_./~^-]{0,199}$/, 'a commit or branch, like HEAD~1 or origin/main')
      .optional()
      .describe('A commit or branch, like HEAD~1 or origin/main; default: HEAD.'),
  }),
  title: input => `changes in ${input.project}`,
  needs: ({ project }, context) => [{ kind: 'read', path: worktreeOf(project, context) }],
  async execute({ project, since = 'HEAD' }, context) {
    const untracked = await mustIn(project, ['ls-files', '--others', '--exclude-standard'], context)
    const changes = await mustIn(project, ['diff', '--no-ext-diff', '--no-textconv', since, '--'], context)
    const parts = [...(untracked === '' ? [] : [`not yet in Git:\n${untracked}`]), changes].filter(Boolean)
    return { content: parts.join('\n') || 'no changes' }
  },
})

const projectList = tool({
  name: 'project_list',
  description: 'Lists the projects of this server, with the commit of main and the one that is live.',
  input: z.strictObject({}),
  title: () => 'list the projects',
  execute: async (_input, context) => ({ content: shown(await context.verb('project.list', {})) }),
})

export const projectTools: readonly Tool[] = [projectList, open, commit, submit, log, diff]
export const projectReadingTools: readonly Tool[] = [projectList, open, log, diff]

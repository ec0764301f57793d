import { join } from 'node:path'
import { z } from 'zod'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { projectPattern, projectRepository } from '../../runtime/projects/names.ts'
import { failed, shown, tool } from './define.ts'
import { homeOf, shownPath } from './paths.ts'
import { runs } from './run.ts'
import type { Tool, ToolContext } from './tool.ts'

const project = z
  .string()
  .regex(projectPattern, 'small letters, digits and "-": bakery-site')
  .describe('Name of the project: bakery-site.')

const folderOf = (name: string, { folder }: ToolContext) => join(folder, name)
const repositoryOf = (name: string, context: ToolContext) => projectRepository(homeOf(context), name)

/** Git in the sandbox, in the clone of a project. */
async function git(
  name: string,
  args: readonly string[],
  context: ToolContext,
): Promise<{ code: number; out: string; said: string }> {
  const { code, stdout, stderr, notes } = await context.run({ argv: ['git', ...args], cwd: folderOf(name, context) })
  return { code: code ?? -1, out: stdout.trimEnd(), said: [stderr.trim(), ...notes].filter(Boolean).join('; ') }
}

async function must(name: string, args: readonly string[], context: ToolContext): Promise<string> {
  const { code, out, said } = await git(name, args, context)
  if (code === 0) return out
  throw new ApplianceError('failed', `git ${args[0]}: ${said || out || `exit status ${code}`}`)
}

const open = tool({
  name: 'project_open',
  description:
    'Gives you your own clone of a project in your folder of this work, on branch main; a project that does not exist yet is begun empty. Work and commit in it, then project_submit. Opened again, it brings what others have submitted, unless you have changes of your own: then rebase on origin/main.',
  input: z.strictObject({ project }),
  title: input => `open ${input.project}`,
  needs: ({ project }, context) => [
    { kind: 'read', path: repositoryOf(project, context) },
    { kind: 'write', path: folderOf(project, context) },
  ],
  async execute({ project }, context) {
    const folder = folderOf(project, context)
    const began = await begin(project, folder, context)
    if (began !== undefined) return failed(began)
    const log = await git(project, ['log', '--oneline', '--decorate', '-n', '10'], context)
    const files = await must(project, ['ls-files'], context)
    const state = await must(project, ['status', '--short', '--branch'], context)
    const names = files.split('\n').filter(Boolean)
    const listed = [...names.slice(0, 100), ...(names.length > 100 ? [`… ${names.length} files in all`] : [])]
    const about = [
      `folder: ${shownPath(folder, context)}`,
      state,
      log.code === 0 ? `last commits:\n${log.out}` : 'no commit yet: the project is new',
      names.length === 0 ? 'no files yet' : `files:\n${listed.join('\n')}`,
    ]
    return { content: about.join('\n'), summary: log.code === 0 ? `${names.length} files` : 'a new project' }
  },
})

/** Fetches what others have submitted, and goes along with it where nothing of one's own is in the way. */
async function follow(project: string, repository: string, context: ToolContext): Promise<void> {
  await git(project, ['fetch', '--quiet', repository, '+refs/heads/main:refs/remotes/origin/main'], context)
  const { code, out } = await git(project, ['status', '--porcelain', '--untracked-files=no'], context)
  if (code === 0 && out === '') await git(project, ['merge', '--ff-only', '--quiet', 'refs/remotes/origin/main'], context)
}

/** Clone, or a new repository where there is none to clone; gives what went wrong. */
async function begin(project: string, folder: string, context: ToolContext): Promise<string | undefined> {
  const repository = repositoryOf(project, context)
  const there = await context.run({ argv: ['test', '-d', join(folder, '.git')], cwd: context.folder })
  const exists = (await context.run({ argv: ['test', '-d', repository], cwd: context.folder })).code === 0
  if (there.code === 0) {
    if (exists) await follow(project, repository, context)
    return undefined
  }
  const identity = [`user.name=${context.agent}`, `user.email=${context.agent}@ai-infrastructure.invalid`]
  const words = exists
    ? ['clone', '--quiet', '--no-hardlinks', '--branch=main', ...identity.map(one => `--config=${one}`), '--', repository, folder]
    : ['init', '--quiet', '--initial-branch=main', '--', folder]
  const { code, stderr, notes } = await context.run({ argv: ['git', ...words], cwd: context.folder })
  if (code !== 0) return `the project could not be opened: ${[stderr.trim(), ...notes].join('; ')}`
  if (exists) return undefined
  for (const one of identity)
    await must(project, ['config', one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)], context)
  return undefined
}

const commit = tool({
  name: 'project_commit',
  description:
    'Commits everything that has changed in your clone of a project (or only the paths named), with a message that says what and why.',
  input: z.strictObject({
    project,
    message: z.string().min(3).max(5_000),
    paths: z.array(z.string().min(1).max(1_000)).max(200).optional().describe('Inside the project; default: everything.'),
  }),
  title: input => `commit ${input.project}: ${input.message.split('\n')[0]?.slice(0, 60)}`,
  needs: ({ project }, context) => [{ kind: 'write', path: folderOf(project, context) }],
  async execute({ project, message, paths = ['.'] }, context) {
    await must(project, ['add', '--all', '--', ...paths], context)
    const { code, out, said } = await git(project, ['commit', '--quiet', '-m', message], context)
    if (code !== 0)
      return failed(/nothing to commit|nothing added/.test(`${out}${said}`) ? 'there is nothing to commit' : out || said)
    return { content: await must(project, ['show', '--stat', '--format=%h %s', 'HEAD'], context) }
  },
})

const submit = tool({
  name: 'project_submit',
  description:
    'Sends what you have committed to the project, so that the other agents get it and it can be published. It only moves forward: when somebody else has submitted meanwhile it is refused, and you rebase (git fetch, git rebase origin/main), check again, and submit again.',
  input: z.strictObject({ project }),
  title: input => `submit ${input.project}`,
  needs: ({ project }, context) => [runs(['git', 'bundle', 'create'], folderOf(project, context))],
  async execute({ project }, context) {
    const open = await must(project, ['status', '--porcelain'], context)
    if (open !== '') return failed(`not everything is committed; commit it, or name it in .gitignore:\n${open.slice(0, 2_000)}`)
    const head = await must(project, ['rev-parse', 'HEAD'], context)
    const known = await git(project, ['rev-parse', '--verify', '--quiet', 'refs/remotes/origin/main'], context)
    if (known.out === head) return { content: `nothing new: main of ${project} is at ${head.slice(0, 12)} already` }
    const name = `temp/${project}-${head.slice(0, 16)}.bundle`
    const file = join(context.workspace, name)
    const without = known.code === 0 ? [`^${known.out}`] : []
    await must(project, ['bundle', 'create', '--quiet', '--version=2', file, 'HEAD', ...without], context)
    try {
      const received = await context.verb('project.submit', { project, bundle: name })
      await must(project, ['update-ref', 'refs/remotes/origin/main', head], context)
      return { content: shown(received), summary: `${project} is at ${head.slice(0, 12)}` }
    } finally {
      await context.run({ argv: ['rm', '-f', '--', file], cwd: context.folder })
    }
  },
})

const log = tool({
  name: 'project_log',
  description: 'Shows the last commits in your clone of a project, with what each changed.',
  input: z.strictObject({ project, limit: z.int().min(1).max(100).optional() }),
  title: input => `history of ${input.project}`,
  needs: ({ project }, context) => [{ kind: 'read', path: folderOf(project, context) }],
  async execute({ project, limit = 20 }, context) {
    return {
      content: await must(project, ['log', '--stat', '--format=%h %an %ad %s', '--date=iso', '-n', String(limit)], context),
    }
  },
})

const diff = tool({
  name: 'project_diff',
  description: 'Shows what has changed in your clone of a project: against the last commit, or since a commit or branch.',
  input: z.strictObject({
    project,
    since: z
      .string()
      .regex(/^[A-Za-z0-9_][A-Za-z0-9_./~^-]{0,199}$/, 'a commit or branch, like HEAD~1 or origin/main')
      .optional()
      .describe('A commit or branch, like HEAD~1 or origin/main; default: HEAD.'),
  }),
  title: input => `changes in ${input.project}`,
  needs: ({ project }, context) => [{ kind: 'read', path: folderOf(project, context) }],
  async execute({ project, since = 'HEAD' }, context) {
    const untracked = await must(project, ['ls-files', '--others', '--exclude-standard'], context)
    const changes = await must(project, ['diff', '--no-ext-diff', '--no-textconv', since, '--'], context)
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

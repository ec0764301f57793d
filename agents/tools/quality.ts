import { join } from 'node:path'
import { z } from 'zod'
import type { AgentPolicy } from '../../desired-state/state.ts'
import { type Checks, checksOf, type ProjectFiles } from './checks.ts'
import { failed, short, shown, tool } from './define.ts'
import type { HtmlFinding } from './inside/html.ts'
import type { ListAnswer } from './inside/operation.ts'
import type { Finding } from './inside/secrets.ts'
import { inside } from './inside.ts'
import { resolvePath, shownPath } from './paths.ts'
import { outcomeOf, runNeed } from './run.ts'
import type { Tool, ToolContext } from './tool.ts'

const folder = z.string().max(1_000).optional().describe('Folder of the project; default: your folder of this work.')

async function filesOf(path: string, context: ToolContext): Promise<ProjectFiles> {
  const { entries } = await inside<ListAnswer>(context, { op: 'list', path, depth: 1 })
  const names = entries.map(entry => entry.path)
  if (!names.includes('package.json')) return { names, packageJson: undefined }
  const { text } = await inside<{ text: string }>(context, { op: 'text', path: join(path, 'package.json') })
  return { names, packageJson: text }
}

/** A check whose command depends on what kind of project the folder holds. */
const check = (policy: AgentPolicy, name: string, of: keyof Omit<Checks, 'kind'>, what: string, description: string): Tool => {
  const commandOf = async (input: { command?: string | undefined; folder?: string | undefined }, context: ToolContext) => {
    const cwd = resolvePath(input.folder ?? '.', context)
    const checks = input.command === undefined ? checksOf(await filesOf(cwd, context)) : undefined
    return { cwd, kind: checks?.kind ?? 'as told', command: input.command ?? checks?.[of] }
  }
  return tool({
    name,
    description: `${description} The command comes from the kind of project (package.json and its scripts, pyproject.toml, Cargo.toml, go.mod); give one of your own where that is wrong. It runs in your sandbox.`,
    input: z.strictObject({ folder, command: z.string().min(1).max(2_000).optional() }),
    title: input => `${what}${input.folder === undefined ? '' : ` in ${short(input.folder, 40)}`}`,
    async needs(input, context) {
      const { cwd, command } = await commandOf(input, context)
      return command === undefined ? [] : [await runNeed(policy, command, cwd, context)]
    },
    async execute(input, context) {
      const { cwd, kind, command } = await commandOf(input, context)
      if (command === undefined)
        return failed(`this folder holds ${kind}, which has no ${what}: give a command, or check it another way`)
      const ran = await context.run({ argv: ['bash', '-c', command], cwd, onOutput: text => context.output(text) })
      const result = outcomeOf(ran)
      const missing = /command not found|No module named|is not installed|no such command/i.test(`${ran.stdout}${ran.stderr}`)
      const why = missing ? `\n(what this command needs is not installed on this server, so nothing was checked)` : ''
      return { ...result, content: `${kind}: ${command}\n${result.content}${why}` }
    },
  })
}

const secretScan = tool({
  name: 'secret_scan',
  description:
    'Looks through the text files of a folder for what looks like a secret: known shapes of keys, and names of secrets with a value like noise. The secrets themselves are not shown.',
  input: z.strictObject({ folder }),
  title: ({ folder }) => `look for secrets in ${short(folder ?? 'the folder', 40)}`,
  needs: ({ folder = '.' }, context) => [{ kind: 'read', path: resolvePath(folder, context) }],
  async execute({ folder = '.' }, context) {
    const path = resolvePath(folder, context)
    const { findings, files } = await inside<{ findings: readonly Finding[]; files: number }>(context, { op: 'secrets', path })
    const lines = findings.map(({ path, line, what, shown }) => `${path}:${line}: ${what}: ${shown}`)
    if (lines.length === 0) return { content: `${files} files, nothing that looks like a secret` }
    return {
      content: `${lines.length} findings in ${files} files:\n${lines.join('\n')}`,
      outcome: 'failed',
      summary: `${lines.length} findings`,
    }
  },
})

const htmlCheck = tool({
  name: 'html_check',
  description:
    'Checks the HTML pages of a folder: doctype, language, title, charset, viewport, one h1, a main, alt texts, double ids, links and files that are not there, addresses without TLS.',
  input: z.strictObject({ folder }),
  title: ({ folder }) => `check the pages in ${short(folder ?? 'the folder', 40)}`,
  needs: ({ folder = '.' }, context) => [{ kind: 'read', path: resolvePath(folder, context) }],
  async execute({ folder = '.' }, context) {
    const path = resolvePath(folder, context)
    const { pages, findings } = await inside<{ pages: number; findings: readonly HtmlFinding[] }>(context, { op: 'html', path })
    if (pages === 0) return failed(`there is no HTML page in ${folder}`)
    const counted = `${pages} ${pages === 1 ? 'page' : 'pages'}`
    if (findings.length === 0) return { content: `${counted}, nothing found` }
    const lines = findings.map(finding => `${finding.path}: ${finding.what}`)
    return {
      content: `${counted}, ${findings.length} findings:\n${lines.join('\n')}`,
      outcome: 'failed',
      summary: `${findings.length} findings`,
    }
  },
})

const report = tool({
  name: 'report',
  description:
    'Keeps a report of a check as a file of your reports folder: the verdict first, then findings by weight, then what you did not look at.',
  input: z.strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,79}$/, 'small letters, digits and "-"'),
    verdict: z.enum(['passed', 'not passed']),
    text: z.string().min(10).max(100_000),
  }),
  title: ({ name, verdict }) => `report ${name}: ${verdict}`,
  needs: (_input, context) => [{ kind: 'write', path: join(context.workspace, 'reports') }],
  async execute({ name, verdict, text }, context) {
    const path = join(context.workspace, 'reports', `${name}.md`)
    const content = `# ${name}: ${verdict}\n\n${text.trim()}\n`
    return { content: shown(await inside(context, { op: 'write', path, content })), summary: shownPath(path, context) }
  },
})

export const qualityTools = (policy: AgentPolicy): readonly Tool[] => [
  check(policy, 'test', 'test', 'tests', 'Runs the tests of a project.'),
  check(policy, 'lint', 'lint', 'linter', 'Runs the linter and what the project checks besides.'),
  check(policy, 'coverage', 'coverage', 'coverage', 'Runs the tests and says which lines they reach.'),
  check(
    policy,
    'dependency_scan',
    'dependencies',
    'scan of dependencies',
    'Looks whether dependencies have known weak spots; needs the network to reach the registry.',
  ),
  ...[secretScan, htmlCheck, report],
]

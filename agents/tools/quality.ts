import { join } from 'node:path'
import { z } from 'zod'
import type { AgentPolicy } from '../../desired-state/state.ts'
import { type Checks, checksOf, type ProjectFiles, ranNothing } from './checks.ts'
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
  const textOf = async (name: string) =>
    names.includes(name) ? (await inside<{ text: string }>(context, { op: 'text', path: join(path, name) })).text : undefined
  return { names, packageJson: await textOf('package.json'), makefile: await textOf('Makefile') }
}

type Check = Exclude<keyof Checks, 'kind' | 'advice'>

interface Chosen {
  readonly cwd: string
  readonly kind: string
  readonly advice: string
  /** Undefined when it cannot be made; `why` says so. */
  readonly command: string | undefined
  readonly why: string
}

const availableIn = async (path: string, wanted: readonly string[], context: ToolContext) =>
  (await inside<{ names: readonly string[] }>(context, { op: 'available', path, wanted })).names

async function choose(of: Check, what: string, cwd: string, context: ToolContext): Promise<Chosen> {
  const { kind, advice, ...checks } = checksOf(await filesOf(cwd, context))
  const ways = checks[of]
  const wanted = [...new Set(ways.flatMap(way => way.needs))]
  const names = new Set(wanted.length === 0 ? [] : await availableIn(cwd, wanted, context))
  const command = ways.find(way => way.needs.every(need => names.has(need)))?.command
  if (command !== undefined) return { cwd, kind, advice, command, why: '' }
  const obstacle = async () => {
    if (kind === 'plain files') return `this folder holds plain files, which have no ${what}${await hint(cwd, context)}`
    if (ways.length === 0) return `this ${kind} project has no ${what}: give a command, or check it another way`
    const tried = ways.map(way => way.command).join('; ')
    return `unavailable: nothing is installed that could do it (${tried})${advice === '' ? '' : `; ${advice}`}`
  }
  return { cwd, kind, advice, command, why: await obstacle() }
}

const markers = /(^|\/)(package\.json|pyproject\.toml|requirements\.txt|Cargo\.toml|go\.mod)$/

/** Where there is something to check, for who looked in the wrong place. */
async function hint(path: string, context: ToolContext): Promise<string> {
  const { entries } = await inside<ListAnswer>(context, { op: 'list', path, depth: 3 })
  const below = entries.filter(entry => markers.test(entry.path)).map(entry => entry.path)
  if (below.length > 0) return `: there is ${below.slice(0, 5).join(', ')}, give its folder`
  if (entries.some(entry => /\.html?$/.test(entry.path))) return ': html_check looks at its pages'
  return ': give a command, or check it another way'
}

/** A check whose command depends on what kind of project the folder holds, and on what is installed. */
const check = (policy: AgentPolicy, name: string, of: Check, what: string, description: string): Tool => {
  const chosen = async (input: { command?: string | undefined; folder?: string | undefined }, context: ToolContext) => {
    const cwd = resolvePath(input.folder ?? '.', context)
    if (input.command === undefined) return choose(of, what, cwd, context)
    return { cwd, kind: 'as told', advice: '', command: input.command, why: '' }
  }
  return tool({
    name,
    description: `${description} The command comes from the kind of project (package.json and its scripts, pyproject.toml, Cargo.toml, go.mod, Makefile) and what is installed; give one of your own where that is wrong. It runs in your sandbox.`,
    input: z.strictObject({ folder, command: z.string().min(1).max(2_000).optional() }),
    title: input => `${what}${input.folder === undefined ? '' : ` in ${short(input.folder, 40)}`}`,
    async needs(input, context) {
      const { cwd, command } = await chosen(input, context)
      return command === undefined ? [] : [await runNeed(policy, command, cwd, context)]
    },
    async execute(input, context) {
      const { cwd, kind, advice, command, why } = await chosen(input, context)
      if (command === undefined) return failed(why)
      const ran = await context.run({ argv: ['bash', '-c', command], cwd, onOutput: text => context.output(text) })
      const result = outcomeOf(ran)
      const empty = of === 'test' && ran.code === 0 && ranNothing(`${ran.stdout}\n${ran.stderr}`)
      const notes = [
        ...(empty ? ['no test was run, which is no pass'] : []),
        ...(ran.code === 127 ? ['what this command needs is not installed, so nothing was checked'] : []),
        ...((empty || ran.code !== 0) && advice !== '' ? [advice] : []),
      ]
      const content = [`${kind}: ${command}`, result.content, ...notes.map(note => `(${note})`)].join('\n')
      return empty ? { ...failed(content), summary: 'no test was run' } : { ...result, content }
    },
  })
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

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
    if (lines.length === 0) return { content: `${counted(files, 'file')}, nothing that looks like a secret` }
    return {
      content: `${counted(lines.length, 'finding')} in ${counted(files, 'file')}:\n${lines.join('\n')}`,
      outcome: 'failed',
      summary: counted(lines.length, 'finding'),
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
    if (findings.length === 0) return { content: `${counted(pages, 'page')}, nothing found` }
    const lines = findings.map(finding => `${finding.path}: ${finding.what}`)
    return {
      content: `${counted(pages, 'page')}, ${counted(findings.length, 'finding')}:\n${lines.join('\n')}`,
      outcome: 'failed',
      summary: counted(findings.length, 'finding'),
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

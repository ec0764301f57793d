import { createHash } from 'node:crypto'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { ToolFile } from '../../desired-state/state.ts'
import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { statIfExists } from '../../runtime/os/files.ts'
import type { SandboxResult, SandboxRun } from '../../runtime/sandbox/sandbox.ts'
import { short } from '../tools/define.ts'
import type { Tool, ToolContext } from '../tools/tool.ts'
import type { HostRequest } from './protocol.ts'

/** The tools that users wrote for an agent, and what they add to its prompt. */
export interface UserTools {
  readonly tools: readonly Tool[]
  readonly prompts: readonly string[]
}

export const noUserTools: UserTools = { tools: [], prompts: [] }

export interface UserToolsDeps {
  /** `tools/<agent>` of the home: one folder for each content, never changed once it is there. */
  readonly folder: string
  readonly files: readonly ToolFile[]
  /** Runs inside the agent's sandbox. */
  readonly run: (command: SandboxRun) => Promise<SandboxResult>
  /** Names that the agent's own tools have. */
  readonly taken: ReadonlySet<string>
}

const listed = z.object({
  type: z.literal('listed'),
  tools: z
    .array(
      z.object({
        file: z.string(),
        name: z.string(),
        description: z.string().max(20_000),
        requiresApproval: z.boolean(),
        schema: z.record(z.string(), z.unknown()),
      }),
    )
    .max(100),
  problems: z.array(z.object({ file: z.string(), message: z.string() })),
  prompts: z.array(z.string().max(50_000)),
})
const failure = z.object({ type: z.literal('failed'), message: z.string() })
const listAnswer = z.discriminatedUnion('type', [listed, failure])
const callAnswer = z.discriminatedUnion('type', [z.object({ type: z.literal('done'), content: z.string() }), failure])

/** Characters of what a tool printed before it failed. */
const mostPrinted = 2_000

const hostProgram = join(import.meta.dir, 'host.ts')

/** Puts the files where the sandbox reads them, and asks the host inside it what they are. A file that is broken says so when it is called. */
export async function loadUserTools(deps: UserToolsDeps): Promise<UserTools> {
  if (deps.files.length === 0) return noUserTools
  const folder = await placeFiles(deps.folder, deps.files)
  const answer = await ask(deps.run, folder, { type: 'list', folder }, listAnswer).catch(error => broken(explain(error)))
  if (answer.type === 'failed')
    return {
      tools: firstOfEachName(
        deps.files.map(({ name }) => brokenTool(name, answer.message)),
        deps.taken,
      ),
      prompts: [],
    }
  const found = answer.tools.map(tool => {
    const obstacle = obstacleOf(tool.name, deps.taken)
    return obstacle === undefined ? userTool(folder, tool) : brokenTool(tool.file, obstacle)
  })
  const problems = answer.problems.map(({ file, message }) => brokenTool(file, message))
  return { tools: firstOfEachName([...found, ...problems], deps.taken), prompts: answer.prompts }
}

/** Two tools of one name would make every request to the model a wrong one. */
const firstOfEachName = (tools: readonly Tool[], taken: ReadonlySet<string>): readonly Tool[] =>
  tools.filter(({ name }, at) => !taken.has(name) && tools.findIndex(other => other.name === name) === at)

const broken = (message: string) => ({ type: 'failed' as const, message })

/** A folder named after what is in it; whole or not at all. */
async function placeFiles(root: string, files: readonly ToolFile[]): Promise<string> {
  const hash = createHash('sha256')
    .update(JSON.stringify(files.map(({ name, text }) => [name, text])))
    .digest('hex')
  const folder = join(root, hash.slice(0, 24))
  if (await statIfExists(folder)) return folder
  const made = `${folder}.${process.pid}`
  await mkdir(made, { recursive: true, mode: 0o755 })
  for (const { name, text } of files) await writeFile(join(made, name), text, { mode: 0o444 })
  await rename(made, folder).catch(async error => {
    await rm(made, { recursive: true, force: true })
    if (!(await statIfExists(folder))) throw error
  })
  return folder
}

function obstacleOf(name: string, taken: ReadonlySet<string>): string | undefined {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) return `${JSON.stringify(name)} is no name of a tool: lower case, digits and _`
  return taken.has(name) ? `the agent has a tool called ${name} already: give yours another name` : undefined
}

function userTool(
  folder: string,
  { file, name, description, requiresApproval, schema }: z.infer<typeof listed>['tools'][number],
) {
  const command = (context: ToolContext): Pick<SandboxRun, 'argv' | 'cwd'> => ({ argv: hostArgv, cwd: context.folder })
  const tool: Tool = {
    ...{ name, description, requiresApproval },
    input: inputOf(schema),
    title: input => `${name} ${short(JSON.stringify(input))}`,
    // Like any command of the agent: `run` decides, and `tool:convert_image` is the word for it in permissions.yaml.
    needs: (input, context) => [
      {
        ...{ kind: 'run', argv: [`tool:${name}`, JSON.stringify(input)], cwd: context.folder, env: [] },
        files: [],
      },
    ],
    async execute(input, context) {
      const request = { type: 'call', folder, file, tool: name, input, agent: context.agent, work: context.folder } as const
      let printed = ''
      const run = async (host: SandboxRun) => {
        const ran = await context.run({ ...host, ...command(context) })
        printed = ran.stderr
        return ran
      }
      const answer = await ask(run, folder, request, callAnswer)
      if (answer.type === 'done') return { content: answer.content }
      const said = printed.trim().slice(-mostPrinted)
      return { content: said === '' ? answer.message : `${answer.message}\nIt printed:\n${said}`, outcome: 'failed' }
    },
  }
  return tool
}

/** The schema again, as the loop checks with it; one that cannot be read back is checked by the tool itself. */
function inputOf(schema: Record<string, unknown>): z.ZodType {
  try {
    return z.fromJSONSchema(schema)
  } catch {
    return z.looseObject({}).meta(schema)
  }
}

/** Stands for a file that cannot be used, so that whoever asks for it is told why. */
const brokenTool = (file: string, message: string): Tool => ({
  name: file.replace(/\.ts$/, '').replaceAll('-', '_'),
  description: `A tool of this agent's users (${file}), which cannot be used at the moment.`,
  input: z.looseObject({}),
  title: () => file,
  needs: () => [],
  unavailable: async () => message.slice(0, 2_000),
  execute: async () => ({ content: message, outcome: 'failed' }),
})

const hostArgv = [process.execPath, '--no-env-file', '--no-install', '--config=/dev/null', hostProgram]

async function ask<Answer>(
  run: (command: SandboxRun) => Promise<SandboxResult>,
  cwd: string,
  request: HostRequest,
  schema: z.ZodType<Answer>,
): Promise<Answer> {
  const { stdout, stderr, notes } = await run({ argv: hostArgv, cwd, stdin: JSON.stringify(request) })
  const answer = schema.safeParse(jsonOf(stdout.trimEnd().split('\n').at(-1) ?? ''))
  if (answer.success) return answer.data
  const why = [...notes, stderr.trim().slice(0, 500)].filter(Boolean).join('; ')
  throw new ApplianceError('failed', `nothing came back from the sandbox${why === '' ? '' : `: ${why}`}`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

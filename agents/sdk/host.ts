import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostAnswer, HostRequest, ListedTool } from './protocol.ts'
import * as sdk from './sdk.ts'

/**
 * Runs inside an agent's sandbox: loads the tools that users wrote, lists them, or calls one. One request as JSON on stdin,
 * one answer as the last line of stdout; what the tools print goes to stderr.
 */

/** Characters; the sandbox cuts what is much longer, and then nobody could read it. */
const longestResult = 100_000

const request: HostRequest = JSON.parse(await Bun.stdin.text())
for (const name of ['log', 'info', 'debug', 'warn', 'error'] as const) {
  console[name] = (...words: readonly unknown[]) => void process.stderr.write(`${words.map(String).join(' ')}\n`)
}

Bun.plugin({
  name: 'ai-infra',
  setup(build) {
    build.module('ai-infra', () => ({ exports: { ...sdk }, loader: 'object' }))
  },
})

const answer = await (request.type === 'list' ? list(request.folder) : call(request)).catch(
  (error): HostAnswer => ({ type: 'failed', message: messageOf(error) }),
)
await Bun.write(Bun.stdout, `\n${JSON.stringify(answer)}\n`)
// A tool may have left timers or connections behind.
process.exit(0)

async function list(folder: string): Promise<HostAnswer> {
  const files = (await readdir(folder)).filter(name => name.endsWith('.ts')).sort()
  const listed: ListedTool[] = []
  const problems: { file: string; message: string }[] = []
  const prompts: string[] = []
  for (const file of files) {
    try {
      const loaded = await load(join(folder, file))
      if (loaded === 'shared') continue
      const { tools, prompt } = loaded
      listed.push(...tools.map(tool => describe(file, tool)))
      if (prompt !== '') prompts.push(prompt)
    } catch (error) {
      problems.push({ file, message: messageOf(error) })
    }
  }
  return { type: 'listed', tools: listed, problems, prompts }
}

async function call({ folder, file, tool, input, agent, work }: Extract<HostRequest, { type: 'call' }>): Promise<HostAnswer> {
  const loaded = await load(join(folder, file))
  const found = loaded === 'shared' ? undefined : loaded.tools.find(({ name }) => name === tool)
  if (found === undefined) return { type: 'failed', message: `${file} has no tool ${tool} any more` }
  const result = await found.execute(input, { agent, folder: work })
  return { type: 'done', content: fitting(textOf(result)) }
}

/** Code in JavaScript may give back what its types forbid. */
function textOf(result: unknown): string {
  if (typeof result === 'string') return result
  return JSON.stringify(result, null, 1) ?? '(it gave nothing back)'
}

function fitting(text: string): string {
  if (text.length <= longestResult) return text
  const advice = 'write what is long into a file of the folder, and give back its name'
  return `${text.slice(0, longestResult)}\n… cut: the result has ${text.length} characters; ${advice}`
}

interface Loaded {
  readonly tools: readonly sdk.UserTool[]
  readonly prompt: string
}

/** `shared`: it has exports for other files, and no tool. */
async function load(path: string): Promise<Loaded | 'shared'> {
  const module: Readonly<Record<string, unknown>> = await import(path)
  const found = module.default
  if (found === undefined && Object.keys(module).length > 0) return 'shared'
  if (isMarked<sdk.UserAgent>(found, sdk.agentMark)) return { tools: found.tools, prompt: found.prompt ?? '' }
  if (isMarked<sdk.UserTool>(found, sdk.toolMark)) return { tools: [found], prompt: '' }
  throw new Error('it exports no tool: write `export default defineTool({ … })` or `export default defineAgent({ … })`')
}

function isMarked<Made>(value: unknown, mark: symbol): value is Made {
  return typeof value === 'object' && value !== null && mark in value
}

function describe(file: string, { name, description, input, requiresApproval = false }: sdk.UserTool): ListedTool {
  if (typeof name !== 'string') throw new Error("a tool has no name: write name: 'convert_image'")
  if (typeof description !== 'string') throw new Error(`${name} has no description: say for the model what it does`)
  if (!(input instanceof sdk.z.ZodType))
    throw new Error(`${name} has no input: write input: z.object({ … }), also when it is empty`)
  return { file, name, description, requiresApproval, schema: schemaOf(name, input) }
}

function schemaOf(name: string, input: sdk.z.ZodType): unknown {
  try {
    return sdk.z.toJSONSchema(input, { io: 'input' })
  } catch (error) {
    throw new Error(`the input of ${name}: ${messageOf(error)}; take what JSON has, like z.iso.date() or z.string()`)
  }
}

function messageOf(error: unknown): string {
  if (error instanceof sdk.z.ZodError) return sdk.z.prettifyError(error)
  return error instanceof Error ? error.message : String(error)
}

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostAnswer, HostRequest, ListedTool } from './protocol.ts'
import * as sdk from './sdk.ts'

/**
 * Runs inside an agent's sandbox: loads the tools that users wrote, lists them, or calls one. One request as JSON on stdin,
 * one answer as the last line of stdout; what the tools print goes to stderr.
 */

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
      const { tools, prompt } = await load(join(folder, file))
      listed.push(...tools.map(tool => describe(file, tool)))
      if (prompt !== '') prompts.push(prompt)
    } catch (error) {
      problems.push({ file, message: messageOf(error) })
    }
  }
  return { type: 'listed', tools: listed, problems, prompts }
}

async function call({ folder, file, tool, input, agent, work }: Extract<HostRequest, { type: 'call' }>): Promise<HostAnswer> {
  const { tools } = await load(join(folder, file))
  const found = tools.find(({ name }) => name === tool)
  if (found === undefined) return { type: 'failed', message: `${file} has no tool ${tool} any more` }
  const result = await found.execute(input, { agent, folder: work })
  return { type: 'done', content: typeof result === 'string' ? result : JSON.stringify(result, null, 1) }
}

async function load(path: string): Promise<{ readonly tools: readonly sdk.UserTool[]; readonly prompt: string }> {
  const module: { readonly default?: unknown } = await import(path)
  const found = module.default
  if (isMarked<sdk.UserAgent>(found, sdk.agentMark)) return { tools: found.tools, prompt: found.prompt ?? '' }
  if (isMarked<sdk.UserTool>(found, sdk.toolMark)) return { tools: [found], prompt: '' }
  throw new Error('it exports no tool: write `export default defineTool({ … })` or `export default defineAgent({ … })`')
}

function isMarked<Made>(value: unknown, mark: symbol): value is Made {
  return typeof value === 'object' && value !== null && mark in value
}

function describe(file: string, { name, description, input, requiresApproval = false }: sdk.UserTool): ListedTool {
  return { file, name, description, requiresApproval, schema: sdk.z.toJSONSchema(input, { io: 'input' }) }
}

function messageOf(error: unknown): string {
  if (error instanceof sdk.z.ZodError) return sdk.z.prettifyError(error)
  return error instanceof Error ? error.message : String(error)
}

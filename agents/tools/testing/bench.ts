import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../../../runtime/os/home.ts'
import { minimalEnvironment } from '../../../runtime/os/spawn.ts'
import type { SandboxResult, SandboxRun } from '../../../runtime/sandbox/sandbox.ts'
import type { Tool, ToolContext, ToolResult } from '../tool.ts'

export interface Bench extends AsyncDisposable {
  readonly home: Home
  readonly context: ToolContext
  /** Checks the input by its schema, as the loop does, and executes. */
  use(tool: Tool, input: unknown, context?: ToolContext): Promise<ToolResult & { readonly text: string }>
  /** What was asked of the server. */
  readonly asked: { readonly verb: string; readonly input: Readonly<Record<string, unknown>> }[]
  answer(verb: string, by: (input: Readonly<Record<string, unknown>>) => unknown): void
  readonly printed: string[]
}

/** A workspace, and a context in which commands run as they are, without a sandbox. */
export const toolBench = async (agent = 'code'): Promise<Bench> =>
  benchAt(homeAt(await mkdtemp(join(tmpdir(), 'tl-'))), agent, () => runPlainly)

export async function benchAt(
  home: Home,
  agent: string,
  runOf: (agent: string, folder: string) => ToolContext['run'],
): Promise<Bench> {
  const workspace = join(home.workspaces, agent)
  const folder = join(workspace, 'working', 'task-1')
  for (const path of [folder, join(workspace, 'temp'), home.projects]) await mkdir(path, { recursive: true })
  const asked: Bench['asked'] = []
  const printed: string[] = []
  const answers = new Map<string, (input: Readonly<Record<string, unknown>>) => unknown>()
  const context: ToolContext = {
    ...{ agent, work: 'work-1', task: 'task-1', thread: 'thread-1', workspace, folder },
    signal: new AbortController().signal,
    output: text => void printed.push(text),
    run: runOf(agent, folder),
    async verb(verb, input) {
      asked.push({ verb, input })
      return answers.get(verb)?.(input) ?? {}
    },
  }
  return {
    ...{ home, context, asked, printed },
    async use(tool, input, used = context) {
      const result = await tool.execute(tool.input.parse(input), used)
      return { ...result, text: typeof result.content === 'string' ? result.content : JSON.stringify(result.content) }
    },
    answer: (verb, by) => void answers.set(verb, by),
    [Symbol.asyncDispose]: () => rm(home.root, { recursive: true, force: true }),
  }
}

/** The tool of this name. */
export function named(tools: readonly Tool[], name: string): Tool {
  const found = tools.find(tool => tool.name === name)
  if (found === undefined) throw new Error(`there is no tool ${name}`)
  return found
}

async function runPlainly({ argv, cwd, stdin, onOutput }: SandboxRun): Promise<SandboxResult> {
  const started = performance.now()
  const env = { ...minimalEnvironment, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }
  const child = Bun.spawn([...argv], { cwd, env, stdin: new Blob([stdin ?? '']), stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  onOutput?.(stdout + stderr)
  return { code, stdout, stderr, notes: [], reached: [], milliseconds: performance.now() - started }
}

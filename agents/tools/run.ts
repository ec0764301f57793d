import { z } from 'zod'
import type { AgentPolicy } from '../../desired-state/state.ts'
import type { Need } from '../../runtime/policy/action.ts'
import type { SandboxResult } from '../../runtime/sandbox/sandbox.ts'
import { short, tool } from './define.ts'
import { inside } from './inside.ts'
import { resolvePath } from './paths.ts'
import type { Tool, ToolContext, ToolResult } from './tool.ts'

const mostNamed = 100

/** The tool that runs command lines. */
export function runTool(policy: AgentPolicy): Tool {
  return tool({
    name: 'run',
    description:
      'Runs a command line with bash in your sandbox: your workspace can be written, the network is what the policy allows, nothing of the server is in sight. Give commands that end by themselves; for a longer task say so in several commands. Output that is long is cut in the middle.',
    input: z.strictObject({
      command: z.string().min(1).max(20_000),
      folder: z.string().max(4_000).optional().describe('Where it runs; default: your folder of this work.'),
    }),
    title: ({ command, folder }) => `${short(command)}${folder === undefined ? '' : ` in ${short(folder, 30)}`}`,
    needs: async ({ command, folder = '.' }, context) => [await runNeed(policy, command, resolvePath(folder, context), context)],
    async execute({ command, folder = '.' }, context) {
      const result = await context.run({
        argv: ['bash', '-c', command],
        cwd: resolvePath(folder, context),
        onOutput: text => context.output(text),
      })
      return outcomeOf(result)
    },
  })
}

/** The need of a command line; the files that it names are pinned where a person may be asked. */
export async function runNeed(policy: AgentPolicy, command: string, cwd: string, context: ToolContext): Promise<Need> {
  const files = policy.run.ask.length > 0 ? await filesNamed(command, cwd, context) : []
  return { kind: 'run', argv: ['bash', '-c', command], cwd, env: policy.env.allow, files }
}

/** A need for one of our own command lines. */
export const runs = (argv: readonly string[], cwd: string): Need => ({ kind: 'run', argv, cwd, env: [], files: [] })

/** Every word that names a file is taken for one; too many cost nothing, and one too few would not be pinned. */
function filesNamed(command: string, cwd: string, context: ToolContext) {
  const words = command.split(/[\s'"`;|&<>()$={}]+/).filter(word => word !== '' && word.length < 1_000 && !word.startsWith('-'))
  const paths = [...new Set(words)].slice(0, mostNamed).map(word => resolvePath(word, { folder: cwd }))
  return inside<{ path: string; digest: string }[]>(context, { op: 'digests', paths })
}

export function outcomeOf({ code, stdout, stderr, notes, milliseconds }: SandboxResult): ToolResult {
  const how = code === undefined ? 'ended by force' : `exit status ${code}`
  const parts = [
    `${how}, ${(milliseconds / 1_000).toFixed(1)} s`,
    ...notes.map(note => `note: ${note}`),
    ...(stdout.trim() === '' ? [] : [stdout.trimEnd()]),
    ...(stderr.trim() === '' ? [] : [`[stderr]\n${stderr.trimEnd()}`]),
  ]
  const last = (stdout.trim() || stderr.trim()).split('\n').at(-1) ?? ''
  return {
    content: parts.join('\n'),
    outcome: code === 0 ? 'done' : 'failed',
    summary: code === 0 ? short(last || how) : short(`${how}: ${notes[0] ?? last}`),
  }
}

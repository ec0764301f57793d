import { z } from 'zod'
import type { AgentPolicy } from '../../desired-state/state.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Need } from '../../runtime/policy/action.ts'
import { isWide } from '../../runtime/policy/actions/tainted.ts'
import type { SandboxResult } from '../../runtime/sandbox/sandbox.ts'
import { short, tool } from './define.ts'
import { inside } from './inside.ts'
import { resolvePath } from './paths.ts'
import type { Tool, ToolContext, ToolResult } from './tool.ts'

/** Words of a line that are looked at, and files of an action that are pinned. */
const mostNamed = 2_000
const mostPinned = 500

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
  const asks = policy.run.ask.length > 0 || policy.net.allow.some(isWide)
  const files = asks ? await filesNamed(command, cwd, context) : []
  return { kind: 'run', argv: ['bash', '-c', command], cwd, env: policy.env.allow, files }
}

/** A need for one of our own command lines. */
export const runs = (argv: readonly string[], cwd: string): Need => ({ kind: 'run', argv, cwd, env: [], files: [] })

async function filesNamed(command: string, cwd: string, context: ToolContext) {
  const paths = namedPaths(command).map(word => resolvePath(word, { folder: cwd }))
  const unique = [...new Set(paths)].filter(path => !/^\/(proc|sys|dev)(\/|$)/.test(path))
  const files = await inside<{ path: string; digest: string }[]>(context, { op: 'digests', paths: unique })
  if (files.length <= mostPinned) return files
  throw new ApplianceError('invalid', `the command names ${files.length} files, and ${mostPinned} can be shown to a person`, {
    hint: 'do it in several commands',
  })
}

/** What programs read without being told its name. */
const unnamed: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\b(npm|npx|yarn|pnpm|bunx?|node)\b/, ['package.json', '.npmrc', 'bunfig.toml']],
  [/\bmake\b/, ['Makefile', 'makefile', 'GNUmakefile']],
  [/\b(pytest|pip3?|python3?|tox)\b/, ['pyproject.toml', 'setup.py', 'conftest.py', 'sitecustomize.py']],
  [/\bcargo\b/, ['Cargo.toml', 'build.rs']],
]

/**
 * Every word of a line that may name a file: too many cost nothing, and one too few would not be pinned. Quotes and escapes
 * inside a word are taken out as bash does, options and `@` before a name too (`-f./x`, `--data=@x`).
 */
export function namedPaths(command: string): readonly string[] {
  const apart = command.split(/[\s'"`;|&<>()${}=]+/)
  const joined = command.split(/[\s`;|&<>()${}=]+/).map(word => word.replaceAll(/['"\\]/g, ''))
  const words = [...apart, ...joined]
    .slice(0, mostNamed)
    .flatMap(word => [word, word.replace(/^-[A-Za-z]/, ''), word.replace(/^@/, '')])
  const others = unnamed.flatMap(([pattern, names]) => (pattern.test(command) ? names : []))
  return [...new Set([...words, ...others])].filter(word => word !== '' && word.length < 1_000 && !word.startsWith('-'))
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

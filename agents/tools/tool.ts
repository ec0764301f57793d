import type { z } from 'zod'
import type { Block } from '../../runtime/bus/work.ts'
import type { Need } from '../../runtime/policy/action.ts'
import type { SandboxResult, SandboxRun } from '../../runtime/sandbox/sandbox.ts'

/** What a tool gives back to the model. */
export interface ToolResult {
  /** Text, or blocks of the Messages API (images). Long text is kept in a file of the workspace and cut for the model. */
  readonly content: string | readonly Block[]
  readonly outcome?: 'done' | 'failed'
  /** One line for a person; default: the first line of the content. */
  readonly summary?: string
  /** Where text of strangers came from, when this brought some in. */
  readonly tainted?: string
}

/** A tool: a schema, what it needs, and what it does. The loop checks input and needs before `execute` is called. */
export interface Tool<Input = unknown> {
  readonly name: string
  readonly description: string
  readonly input: z.ZodType<Input>
  /** One line for a person: `npm test in bakery`. */
  title(input: Input): string
  /** Everything it will reach for; each need is decided by the runtime. None for what only thinks. */
  needs(input: Input, context: ToolContext): readonly Need[] | Promise<readonly Need[]>
  execute(input: Input, context: ToolContext): Promise<ToolResult>
  /** Why it cannot be used here (no such program, no key); undefined when it can. */
  unavailable?(context: ToolContext): Promise<string | undefined>
  /** Always asks a person. */
  readonly requiresApproval?: boolean
}

/** What tools stand on; made by the loop for each work. */
export interface ToolContext {
  readonly agent: string
  /** Id of the work, and of its task where it is one. */
  readonly work: string
  readonly task: string | undefined
  readonly thread: string
  /** `workspaces/<agent>`, with `working`, `temp`, `cache` and what the role has besides. */
  readonly workspace: string
  /** Folder of this work below `working/`: where commands start and relative paths lead. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Output as it comes, for window and chat. */
  output(text: string): void
  /** Runs behind the boundary of the operating system. */
  run(command: SandboxRun): Promise<SandboxResult>
  /** A verb of the server, through the agent's own door: `verb('domain.set', {...})`. */
  verb(name: string, input: Readonly<Record<string, unknown>>): Promise<unknown>
}

import { z } from 'zod'

/** What a tool of yours gives back to the model: a text, or anything that JSON can say. */
export type UserResult = string | number | boolean | null | readonly unknown[] | { readonly [name: string]: unknown }

export interface UserTool<Input = unknown> {
  /** Lower case, digits and `_`: `convert_image`. */
  readonly name: string
  /** For the model: what it does, and when to use it. */
  readonly description: string
  readonly input: z.ZodType<Input>
  /** A person is asked before each call. */
  readonly requiresApproval?: boolean
  /** Runs inside the agent's sandbox: it sees the workspace, and the hosts that network.yaml allows. */
  readonly execute: (input: Input, context: UserToolContext) => UserResult | Promise<UserResult>
}

export interface UserToolContext {
  readonly agent: string
  /** The folder of the work at hand, which is the current directory as well. */
  readonly folder: string
}

export interface UserAgent {
  readonly name: string
  readonly description: string
  /** Is added to the prompt that agents.yaml names. */
  readonly prompt?: string
  // Each tool has an input of its own; they meet as tools of unknown input.
  readonly tools: readonly UserTool[]
}

export const toolMark = Symbol.for('ai-infra.tool')
export const agentMark = Symbol.for('ai-infra.agent')

/** A tool with the types of its schema: `export default defineTool({ … })` in `agents/<agent>/tools/<name>.ts`. */
export const defineTool = <Schema extends z.ZodType>(
  tool: Omit<UserTool, 'input' | 'execute'> & {
    readonly input: Schema
    readonly execute: (input: z.output<Schema>, context: UserToolContext) => UserResult | Promise<UserResult>
  },
): UserTool => {
  // Files are loaded without being type-checked.
  if (typeof tool.execute !== 'function') throw new Error(`${tool.name} has no execute: write async execute(input) { … }`)
  // The schema is what makes the input what `execute` takes.
  const execute = (input: unknown, context: UserToolContext) => tool.execute(tool.input.parse(input), context)
  return Object.assign({ ...tool, execute }, { [toolMark]: true })
}

/** Several tools in one file, with what the agent has to know to use them. */
export const defineAgent = (agent: UserAgent): UserAgent => Object.assign({ ...agent }, { [agentMark]: true })

export { z }

// What tools of your own import from 'ai-infra', for your editor: `bun install` (or npm) in this folder brings the rest.
import { z } from 'zod'

/** What a tool of yours gives back to the model: a text, or anything that JSON can say. */
export type UserResult = string | number | boolean | null | readonly unknown[] | { readonly [name: string]: unknown }

export interface UserToolContext {
  readonly agent: string
  /** The folder of the work at hand, which is the current directory as well. */
  readonly folder: string
}

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

export interface UserAgent {
  readonly name: string
  readonly description: string
  /** Is added to the prompt that agents.yaml names. */
  readonly prompt?: string
  readonly tools: readonly UserTool[]
}

/** A tool with the types of its schema: `export default defineTool({ … })` in `agents/<agent>/tools/<name>.ts`. */
export declare const defineTool: <Schema extends z.ZodType>(
  tool: Omit<UserTool, 'input' | 'execute'> & {
    readonly input: Schema
    readonly execute: (input: z.output<Schema>, context: UserToolContext) => UserResult | Promise<UserResult>
  },
) => UserTool

/** Several tools in one file, with what the agent has to know to use them. */
export declare const defineAgent: (agent: UserAgent) => UserAgent

export { z }

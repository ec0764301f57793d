import type { z } from 'zod'
import { explain } from '../../runtime/os/errors.ts'
import type { Tool, ToolContext, ToolResult } from './tool.ts'

interface Definition<Input> {
  readonly name: string
  readonly description: string
  readonly input: z.ZodType<Input>
  readonly title: (input: Input) => string
  readonly needs?: Tool<Input>['needs']
  readonly execute: (input: Input, context: ToolContext) => Promise<ToolResult>
  readonly unavailable?: (context: ToolContext) => Promise<string | undefined>
}

/** A tool with the types of its schema; what goes wrong while it runs is a result that the model reads. */
export const tool = <Input>(definition: Definition<Input>): Tool<Input> => ({
  needs: () => [],
  ...definition,
  async execute(input, context) {
    try {
      return await definition.execute(input, context)
    } catch (error) {
      context.signal.throwIfAborted()
      return failed(explain(error))
    }
  },
})

export const failed = (content: string): ToolResult => ({ content, outcome: 'failed' })

/** One line, for titles. */
export function short(text: string, longest = 80): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}

/** A value for the model, as JSON that is pleasant to read. */
export const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 1))

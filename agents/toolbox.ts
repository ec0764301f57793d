import type { ToolSpec } from './model.ts'
import type { Tool } from './tools/tool.ts'

/** The tools of an agent, and how the model is told of them. */
export interface Toolbox {
  readonly tools: ReadonlyMap<string, Tool>
  /** Sorted by name: the same tools give the same bytes. */
  readonly specs: readonly ToolSpec[]
}

export const emptyToolbox: Toolbox = { tools: new Map(), specs: [] }

export async function toolboxOf(tools: readonly Tool[]): Promise<Toolbox> {
  if (tools.length === 0) return emptyToolbox
  const { z } = await import('zod')
  const sorted = tools.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return {
    tools: new Map(sorted.map(tool => [tool.name, tool])),
    specs: sorted.map(({ name, description, input }) => {
      const { $schema: _, ...schema } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
      return { name, description, input_schema: { type: 'object', ...schema } }
    }),
  }
}

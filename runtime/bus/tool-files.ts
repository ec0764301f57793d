import type { ToolFile } from '../../desired-state/state.ts'
import { type Fields, readFields } from './parse.ts'

/** The tools of an agent's users as they came over a wire. */
export const readTools = (fields: Fields, name: string): readonly ToolFile[] =>
  fields.list(name, file => ({ name: file.text('name'), text: file.text('text') }))

/** The same out of a table. */
export const parseTools = (value: unknown): readonly ToolFile[] => readTools(readFields({ tools: value }, 'agent'), 'tools')

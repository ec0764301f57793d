import type { ToolResult } from './tool.ts'

interface Rows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
  readonly more: boolean
  readonly changes: number
}

/** Rows as the model reads them: a line each, fields between bars. */
export function rowsText({ columns, rows, more, changes }: Rows): Pick<ToolResult, 'content' | 'summary'> & { content: string } {
  if (columns.length === 0) return { content: `done, ${changes} rows changed`, summary: `${changes} rows changed` }
  const lines = [columns, ...rows].map(row => row.map(cell).join(' | '))
  const count = `${rows.length}${more ? ' rows are shown, there are more' : rows.length === 1 ? ' row' : ' rows'}`
  return { content: [...lines, `(${count})`].join('\n'), summary: count }
}

const cell = (value: unknown): string => (value === null ? 'NULL' : String(value).replaceAll(/\s+/g, ' ').slice(0, 500))

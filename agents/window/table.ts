import { widthOf } from './text.ts'

const gap = '  '

/**
 * The lines of a Markdown table with its columns below each other. One that has no line of dashes, or is broader than the
 * window, stays as it was written.
 */
export function tableRows(
  lines: readonly string[],
  columns: number,
  strong: (text: string) => string,
  shown: (text: string) => string,
): string[] {
  const [head, dashes, ...rest] = lines.map(cellsOf)
  if (head === undefined || dashes === undefined || !dashes.every(cell => /^:?-+:?$/.test(cell))) return [...lines]
  const table = [head, ...rest]
  const widths = head.map((_, at) => Math.max(...table.map(row => widthOf(bare(row[at] ?? '')))))
  if (widths.reduce((sum, width) => sum + width + gap.length, -gap.length) > columns) return [...lines]
  const rowOf = (row: readonly string[], style: (text: string) => string) =>
    widths
      .map((width, at) => {
        const cell = row[at] ?? ''
        const room = ' '.repeat(width - widthOf(bare(cell)))
        return dashes[at]?.endsWith('-:') && !dashes[at]?.startsWith(':') ? room + style(cell) : style(cell) + room
      })
      .join(gap)
      .trimEnd()
  return [
    rowOf(head, cell => strong(bare(cell))),
    widths.map(width => '─'.repeat(width)).join(gap),
    ...rest.map(row => rowOf(row, shown)),
  ]
}

const cellsOf = (line: string): readonly string[] =>
  line
    .trim()
    .slice(1, -1)
    .split('|')
    .map(cell => cell.trim())

/** What a cell takes on the screen once its signs are gone. */
const bare = (cell: string): string => cell.replaceAll(/`|\*\*/g, '')

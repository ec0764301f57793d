import { tableRows } from './table.ts'
import { wrap } from './text.ts'

export interface AnswerStyles {
  readonly strong: (text: string) => string
  readonly code: (text: string) => string
}

/** An answer as rows: wrapped, with the little Markdown that models write shown as what it means. Takes neutralised text. */
export function answerRows(text: string, columns: number, styles: AnswerStyles): string[] {
  let fenced = false
  return piecesOf(text).flatMap(piece => {
    if (typeof piece !== 'string') return tableRows(piece.map(plain), columns, styles.strong, cell => inline(cell, styles))
    if (isFence(piece)) {
      fenced = !fenced
      return []
    }
    if (fenced) return wrap(piece, columns - 2).map(row => `  ${styles.code(row)}`)
    return lineRows(plain(piece), columns, styles)
  })
}

/** Lines, and the lines of each table together. */
function piecesOf(text: string): readonly (string | readonly string[])[] {
  const pieces: (string | string[])[] = []
  let fenced = false
  for (const line of text.split('\n')) {
    if (isFence(line)) fenced = !fenced
    const last = pieces.at(-1)
    if (fenced || !/^\|.*\|\s*$/.test(line)) pieces.push(line)
    else if (Array.isArray(last)) last.push(line)
    else pieces.push([line])
  }
  return pieces
}

const isFence = (line: string) => line.trimStart().startsWith('```')

function lineRows(line: string, columns: number, styles: AnswerStyles): string[] {
  const heading = /^#{1,6} +(.+)$/.exec(line)?.[1]
  if (heading !== undefined) return wrap(heading.replaceAll('**', ''), columns).map(styles.strong)
  const quote = /^> ?(.*)$/.exec(line)?.[1]
  if (quote !== undefined) return wrap(quote, columns - 2).map(row => `│ ${inline(row, styles)}`)
  const [, indent = '', sign, item = ''] = /^(\s*)([-*]|\d+\.) +(.+)$/.exec(line) ?? []
  if (sign === undefined) return wrap(line, columns).map(row => inline(row, styles))
  const mark = `${indent}${/\d/.test(sign) ? sign : '•'} `
  return wrap(item, columns - mark.length).map(
    (row, place) => (place === 0 ? mark : ' '.repeat(mark.length)) + inline(row, styles),
  )
}

/** Without the signs that a terminal has nothing for: a link is its words and its address. */
const plain = (line: string): string =>
  line
    .replaceAll(/!?\[([^\]]+)\]\(([^)\s]+)\)/g, (_, words: string, address: string) =>
      address.replace(/^\w+:\/\//, '').replace(/\/$/, '') === words ? address : `${words} (${address})`,
    )
    .replaceAll(/(?<![\w*`])\*(?=[^\s*])([^*`]*[^\s*`])\*(?![\w*`])/g, '$1')

const inline = (row: string, { strong, code }: AnswerStyles) =>
  row
    .replaceAll(/`([^`]+)`/g, (_, words: string) => code(words))
    .replaceAll(/\*\*([^*]+)\*\*/g, (_, words: string) => strong(words))

import { wrap } from './text.ts'

export interface AnswerStyles {
  readonly strong: (text: string) => string
  readonly code: (text: string) => string
}

/** An answer as rows: wrapped, with the little Markdown that models write shown as what it means. Takes neutralised text. */
export function answerRows(text: string, columns: number, { strong, code }: AnswerStyles): string[] {
  let fenced = false
  return text.split('\n').flatMap(line => {
    if (line.trimStart().startsWith('```')) {
      fenced = !fenced
      return []
    }
    if (fenced) return wrap(line, columns - 2).map(row => `  ${code(row)}`)
    const heading = /^#{1,6} +(.+)$/.exec(line)?.[1]
    if (heading !== undefined) return wrap(heading.replaceAll('**', ''), columns).map(strong)
    const [, indent = '', sign, item = ''] = /^(\s*)([-*]|\d+\.) +(.+)$/.exec(line) ?? []
    if (sign === undefined) return wrap(line, columns).map(row => inline(row, strong, code))
    const mark = `${indent}${/\d/.test(sign) ? sign : '•'} `
    return wrap(item, columns - mark.length).map(
      (row, place) => (place === 0 ? mark : ' '.repeat(mark.length)) + inline(row, strong, code),
    )
  })
}

const inline = (row: string, strong: (text: string) => string, code: (text: string) => string) =>
  row
    .replaceAll(/`([^`]+)`/g, (_, words: string) => code(words))
    .replaceAll(/\*\*([^*]+)\*\*/g, (_, words: string) => strong(words))

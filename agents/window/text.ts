/**
 * Text from people, models and files is data: no character of it may move the cursor, change a colour, or turn the
 * reading direction of what stands around it. Line breaks stay, tabs become spaces, the rest becomes visible.
 */
export function neutralise(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll('\t', '  ')
    .replaceAll(unsafe, character => visible(character.codePointAt(0) ?? 0))
}

/** C0 without the line feed, DEL, C1, line separators, and everything that overrides direction. */
const unsafe = /(?!\n)[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu

const visible = (code: number) => (code < 0x20 ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? '␡' : '�')

/** Columns that a text takes on a terminal. */
export const widthOf = (text: string): number => Bun.stringWidth(text)

const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text)

let segmenter: Intl.Segmenter | undefined

/** What a person sees as characters. */
export function charactersOf(text: string): string[] {
  if (isPlain(text)) return text.split('')
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return [...segmenter.segment(text)].map(({ segment }) => segment)
}

/** Breaks a neutralised text into lines of at most `columns`, at spaces where there are some. */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap(line => wrapLine(line, Math.max(columns, 2)))
}

function wrapLine(line: string, columns: number): string[] {
  if (widthOf(line) <= columns) return [line]
  const lines: string[] = []
  let current = ''
  let width = 0
  for (const word of line.split(/(?<= )(?=[^ ])/)) {
    const wide = widthOf(word.trimEnd())
    if (width > 0 && width + wide > columns) {
      lines.push(current.trimEnd())
      current = ''
      width = 0
    }
    for (const character of wide > columns ? charactersOf(word) : [word]) {
      const size = widthOf(character)
      if (width + size > columns && character.trim() !== '' && wide > columns) {
        lines.push(current)
        current = ''
        width = 0
      }
      current += character
      width += size
    }
  }
  return [...lines, current.trimEnd()]
}

/** At most `columns` wide; what is cut off shows as `…`. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 1
  for (const character of charactersOf(text)) {
    width += widthOf(character)
    if (width > columns) break
    kept += character
  }
  return columns < 1 ? '' : `${kept}…`
}

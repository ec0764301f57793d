import type { Assignment, CommandArgument, Word, WordPart } from 'unbash'

/** A word as the program gets it; undefined where only running the line could tell. */
export type Known = string | undefined

/** The words that one word of a line becomes: several where an unquoted `$IFS` splits it. */
export function wordsOf(word: CommandArgument): readonly Known[] {
  if (word.type === 'Assignment') return [assignmentText(word)]
  const parts = word.parts
  if (parts === undefined) return [word.value]
  return split(parts.map(part => (isSeparator(part) ? ' ' : { text: textOf(part) })))
}

/** The value of a word that is not split: a target of a redirection, the value of a variable. */
export function wordText(word: Word): Known {
  return word.parts === undefined ? word.value : joined(word.parts.map(textOf))
}

function assignmentText(assignment: Assignment): Known {
  const value = assignment.value.type === 'Word' ? wordText(assignment.value) : undefined
  return value === undefined ? undefined : `${assignment.name}=${value}`
}

const isSeparator = (part: WordPart): boolean =>
  (part.type === 'SimpleExpansion' && part.text === '$IFS') || (part.type === 'ParameterExpansion' && part.parameter === 'IFS')

function textOf(part: WordPart): Known {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return part.value
    case 'DoubleQuoted':
    case 'LocaleString':
      return joined(part.parts.map(textOf))
    default:
      return undefined
  }
}

function split(pieces: readonly (' ' | { text: Known })[]): readonly Known[] {
  const words: Known[][] = [[]]
  for (const piece of pieces) {
    if (piece === ' ') words.push([])
    else words.at(-1)?.push(piece.text)
  }
  const filled = words.filter(word => word.length > 0)
  return filled.map(joined)
}

const joined = (texts: readonly Known[]): Known => (texts.every(text => text !== undefined) ? texts.join('') : undefined)

import type { Key, KeyCommand } from './keys.ts'
import { charactersOf, neutralise } from './text.ts'

/** The prompt line: characters as a person sees them, the cursor between two of them, and what was sent before. */
export interface Line {
  readonly characters: readonly string[]
  readonly cursor: number
  /** Sent lines, oldest first. */
  readonly history: readonly string[]
  /** Place in the history while looking through it; its length means the line being written. */
  readonly place: number
  /** The line being written, while the history is looked through. */
  readonly draft: string
}

export const emptyLine: Line = { characters: [], cursor: 0, history: [], place: 0, draft: '' }

const longestHistory = 200
const longestLine = 20_000

export const textOf = (line: Line): string => line.characters.join('')

export interface Edited {
  readonly line: Line
  /** A line that was sent with this key. */
  readonly sent?: string
}

export function edit(line: Line, key: Key): Edited {
  if (key.type === 'command') return command(line, key.command)
  return { line: insert(line, neutralise(key.text)) }
}

function command(line: Line, name: KeyCommand): Edited {
  const { characters, cursor } = line
  switch (name) {
    case 'send':
      return send(line)
    case 'newline':
      return { line: insert(line, '\n') }
    case 'left':
      return { line: move(line, cursor - 1) }
    case 'right':
      return { line: move(line, cursor + 1) }
    case 'word-left':
      return { line: move(line, wordStart(characters, cursor)) }
    case 'word-right':
      return { line: move(line, wordEnd(characters, cursor)) }
    case 'home':
      return { line: move(line, 0) }
    case 'end':
      return { line: move(line, characters.length) }
    case 'backspace':
      return { line: remove(line, cursor - 1, cursor) }
    case 'delete':
      return { line: remove(line, cursor, cursor + 1) }
    case 'delete-word':
      return { line: remove(line, wordStart(characters, cursor), cursor) }
    case 'delete-to-start':
      return { line: remove(line, 0, cursor) }
    case 'delete-to-end':
      return { line: remove(line, cursor, characters.length) }
    case 'clear':
      return { line: { ...line, characters: [], cursor: 0, place: line.history.length, draft: '' } }
    case 'up':
      return { line: recall(line, line.place - 1) }
    case 'down':
      return { line: recall(line, line.place + 1) }
    default:
      return { line }
  }
}

function insert(line: Line, text: string): Line {
  const before = line.characters.slice(0, line.cursor).join('')
  const after = line.characters.slice(line.cursor).join('')
  const room = longestLine - before.length - after.length
  const head = charactersOf(before + text.slice(0, Math.max(room, 0)))
  return { ...line, characters: charactersOf(head.join('') + after), cursor: head.length }
}

const move = (line: Line, to: number): Line => ({ ...line, cursor: Math.min(Math.max(to, 0), line.characters.length) })

function remove(line: Line, from: number, to: number): Line {
  if (from < 0 || from >= to) return line
  return { ...line, characters: line.characters.toSpliced(from, to - from), cursor: from }
}

function send(line: Line): Edited {
  const text = textOf(line).trim()
  if (text === '') return { line }
  const history = [...line.history.filter(other => other !== text), text].slice(-longestHistory)
  return { line: { characters: [], cursor: 0, history, place: history.length, draft: '' }, sent: text }
}

function recall(line: Line, place: number): Line {
  if (place < 0 || place > line.history.length) return line
  const draft = line.place === line.history.length ? textOf(line) : line.draft
  const characters = charactersOf(line.history[place] ?? draft)
  return { ...line, characters, cursor: characters.length, place, draft }
}

function wordStart(characters: readonly string[], from: number): number {
  let at = from
  while (at > 0 && isSpace(characters[at - 1])) at--
  while (at > 0 && !isSpace(characters[at - 1])) at--
  return at
}

function wordEnd(characters: readonly string[], from: number): number {
  let at = from
  while (at < characters.length && isSpace(characters[at])) at++
  while (at < characters.length && !isSpace(characters[at])) at++
  return at
}

const isSpace = (character: string | undefined) => character?.trim() === ''

import { type CourseStyles, courseRows } from './course-rows.ts'
import type { Entry, WindowState } from './state.ts'
import { fit, neutralise, widthOf, wrap } from './text.ts'

/** What stands on the screen: one string a row, with colours; and where the cursor is, from 0. */
export interface Screen {
  readonly rows: readonly string[]
  readonly cursor: { readonly row: number; readonly column: number }
}

const reset = '\x1b[0m'
const paint = (style: string) => (text: string) => (text === '' ? '' : `\x1b[${style}m${text}${reset}`)
const bold = paint('1')
const dim = paint('38;5;245')
const faint = paint('38;5;240')
const accent = paint('38;5;37')
const strong = paint('1;38;5;37')
const amber = paint('38;5;214')
const red = paint('38;5;203')
const green = paint('38;5;78')
const sand = paint('38;5;180')

const margin = 2
const widestText = 100
const tallestPrompt = 6

const levels = ['restricted', 'standard', 'elevated', 'privileged']

/** The rows of one question or task with what became of it. */
export type EntryRows = (entry: Entry, agent: string, columns: number) => readonly string[]

/** Breaks into rows only what differs from the last time: a long conversation would else be broken for each piece of an answer. */
export function rememberRows(): EntryRows {
  const known = new WeakMap<Entry, { readonly columns: number; readonly rows: readonly string[] }>()
  return (entry, agent, columns) => {
    const old = known.get(entry)
    if (old?.columns === columns) return old.rows
    const rows = entryRows(entry, agent, columns)
    known.set(entry, { columns, rows })
    return rows
  }
}

export function render(state: WindowState, columns: number, rows: number, rowsOf: EntryRows = entryRows): Screen {
  const header = headerOf(state, columns)
  const prompt = promptOf(state, columns)
  const footer = [...obstacleOf(state, columns), faint('─'.repeat(columns)), ...prompt.rows, hintOf(state, columns)]
  const space = Math.max(rows - header.length - footer.length, 0)
  const body = visiblePart(bodyOf(state, columns, rowsOf), space, state.scroll)
  const all = [...header, ...body, ...footer].slice(0, rows)
  const above = header.length + body.length + footer.length - 1 - prompt.rows.length
  return { rows: all, cursor: { row: Math.min(above + prompt.row, rows - 1), column: Math.min(prompt.column, columns - 1) } }
}

/** The largest scroll that still shows something new. */
export function mostScroll(state: WindowState, columns: number, rows: number, rowsOf: EntryRows = entryRows): number {
  return Math.max(bodyOf(state, columns, rowsOf).length - Math.max(rows - 6, 1), 0)
}

function headerOf({ name, who, activity }: WindowState, columns: number): string[] {
  const signs = {
    connecting: amber('◌ connecting'),
    idle: green('● idle'),
    answering: accent('◐ answering'),
    draining: amber('◑ draining'),
  }
  const left = ` ${strong('◆')} ${bold(name)}${who ? dim(`  level ${who.level} · ${levels[who.level] ?? 'unknown'}`) : ''}`
  const right = `${who ? `${dim(fit(neutralise(who.model), 40))}   ` : ''}${signs[activity]} `
  const gap = columns - widthOf(left) - widthOf(right)
  const first = gap >= 2 ? left + ' '.repeat(gap) + right : ` ${strong('◆')} ${bold(fit(name, columns - 18))} ${signs[activity]}`
  const second = who?.description ? [`   ${dim(fit(neutralise(who.description).replaceAll('\n', ' '), columns - 4))}`] : []
  return [first, ...second, faint('─'.repeat(columns))]
}

function bodyOf(state: WindowState, columns: number, rowsOf: EntryRows): string[] {
  if (state.entries.length === 0) return welcome(state, columns)
  return ['', ...state.entries.flatMap(entry => rowsOf(entry, state.name, columns))]
}

function welcome({ name, obstacle }: WindowState, columns: number): string[] {
  if (obstacle !== '') return []
  const text = `Nothing has been said yet. Write to ${name} below, or from its page in the portal.`
  return ['', ...wrap(text, textWidth(columns)).map(line => indent(dim(line)))]
}

const textWidth = (columns: number) => Math.max(Math.min(columns - 2 * margin - 2, widestText), 8)
const indent = (text: string) => ' '.repeat(margin) + text

function entryRows(entry: Entry, agent: string, columns: number): string[] {
  const width = textWidth(columns)
  const time = faint(` ${timeOf(entry.at)}`)
  const question = wrap(neutralise(entry.question), width)
  const title =
    entry.task === undefined ? '' : `${accent('task ')}${bold(fit(neutralise(entry.task), width - 20))}${dim(' from ')}`
  const rows = [
    indent(`${title}${bold(fit(neutralise(entry.by), width - 6 - Math.min(widthOf(title), width - 20)))}${time}`),
    ...question.map(line => indent(line)),
    '',
  ]
  const { parts, waiting } = entry.course
  if (entry.state === 'queued' && parts.length === 0) return [...rows, indent(dim('waiting for its turn …')), '']
  const course = courseRows(entry.course, entry.state, width, styles)
  const thinking =
    parts.length === 0 && waiting === '' && entry.state === 'answering' ? [`${accent('▎')} ${dim('thinking …')}`] : []
  return [...rows, indent(strong(agent)), ...[...course, ...thinking].map(line => indent(line)), '']
}

const styles: CourseStyles = { accent, bold, dim, faint, red, green, amber, sand }

/** Hours and minutes where the server is. */
function timeOf(at: string): string {
  const date = new Date(at)
  return [date.getHours(), date.getMinutes()].map(number => String(number).padStart(2, '0')).join(':')
}

/** The last lines that fit, or those that many further up. */
function visiblePart(lines: readonly string[], space: number, scroll: number): string[] {
  const end = Math.max(lines.length - scroll, Math.min(space, lines.length))
  const shown = lines.slice(Math.max(end - space, 0), end)
  return [...shown, ...Array.from({ length: space - shown.length }, () => '')]
}

function obstacleOf({ obstacle }: WindowState, columns: number): string[] {
  if (obstacle === '') return []
  return wrap(neutralise(obstacle), textWidth(columns)).map((line, index) => indent(amber(`${index === 0 ? '! ' : '  '}${line}`)))
}

function hintOf({ scroll }: WindowState, columns: number): string {
  const text =
    scroll > 0
      ? `${scroll} lines up · PgDn comes back`
      : 'Enter sends · Ctrl-J new line · Ctrl-C clears · ↑ earlier · PgUp scrolls'
  return indent(faint(fit(text, columns - 2 * margin)))
}

interface Prompt {
  readonly rows: readonly string[]
  readonly row: number
  readonly column: number
}

/** The prompt line broken into rows, of which those around the cursor are shown. */
function promptOf({ line }: WindowState, columns: number): Prompt {
  const width = Math.max(columns - 2 * margin - 1, 4)
  const rows = ['']
  let used = 0
  let cursor = { row: 0, column: 0 }
  line.characters.forEach((character, index) => {
    if (index === line.cursor) cursor = { row: rows.length - 1, column: used }
    const size = character === '\n' ? 0 : widthOf(character)
    if (character === '\n' || used + size > width) {
      rows.push('')
      used = 0
      if (index === line.cursor && character !== '\n') cursor = { row: rows.length - 1, column: 0 }
    }
    if (character === '\n') return
    rows[rows.length - 1] += character
    used += size
  })
  if (line.cursor === line.characters.length) cursor = { row: rows.length - 1, column: used }
  const first = Math.max(Math.min(cursor.row - tallestPrompt + 1, rows.length - tallestPrompt), 0)
  const shown = rows.slice(first, first + tallestPrompt)
  return {
    rows: shown.map((text, index) => `${first + index === 0 ? ` ${strong('❯')} ` : '   '}${text}`),
    row: cursor.row - first,
    column: cursor.column + margin + 1,
  }
}

/** For tests and logs: a row without its colours. */
export const plain = (row: string): string => Bun.stripANSI(row)

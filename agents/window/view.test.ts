import { expect, test } from 'bun:test'
import type { Utterance } from '../../runtime/bus/agents.ts'
import { firstState, next, type WindowEvent, type WindowState } from './state.ts'
import { difference } from './terminal.ts'
import { widthOf } from './text.ts'
import { plain, render } from './view.ts'

const question = (id: string, text: string): Utterance => ({
  ...{ id, text, agent: 'code', thread: 't', role: 'person', by: 'ada', state: 'queued', at: '2026-01-02T03:04:05.000Z' },
})
const after = (...events: WindowEvent[]): WindowState => events.reduce(next, firstState('code'))
const briefed: WindowEvent = { type: 'briefed', level: 1, description: 'Writes code', model: 'claude-x' }
const idle: WindowEvent = { type: 'standing', activity: 'idle' }
const typed = (text: string): WindowEvent => ({ type: 'key', key: { type: 'text', text }, page: 10 })
const shown = (state: WindowState, columns = 60, rows = 20) => render(state, columns, rows).rows.map(row => plain(row).trimEnd())

test('a conversation, with who, what and how it stands', () => {
  const state = after(
    briefed,
    idle,
    { type: 'asked', question: question('1', 'what is on port 80?') },
    { type: 'question', question: question('1', 'what is on port 80?') },
    { type: 'delta', questionId: '1', text: 'It is ' },
    { type: 'delta', questionId: '1', text: 'nginx.\nReally.' },
    { type: 'asked', question: question('2', 'and 443?') },
    typed('thanks'),
  )
  expect(shown(state, 60, 19)).toEqual([
    ' ◆ code  level 1 · standard               claude-x   ● idle',
    '   Writes code',
    '─'.repeat(60),
    '',
    '  ada 03:04',
    '  what is on port 80?',
    '',
    '  code',
    '  ▎ It is nginx.',
    '  ▎ Really.',
    '',
    '  ada 03:04',
    '  and 443?',
    '',
    '  waiting for its turn …',
    '',
    '─'.repeat(60),
    ' ❯ thanks',
    '  Enter sends · Ctrl-J new line · Ctrl-C clears · ↑ earli…',
  ])
})

test('an answer that was begun anew after a crash shows once', () => {
  const begun: WindowEvent = { type: 'question', question: question('1', 'hi') }
  const state = after(begun, { type: 'delta', questionId: '1', text: 'half' }, begun, {
    type: 'delta',
    questionId: '1',
    text: 'whole',
  })
  expect(shown(state).filter(row => /half|whole|hi/.test(row))).toEqual(['  hi', '  ▎ whole'])
})

test('every size is filled exactly and nothing is wider than the window', () => {
  const long = after(
    briefed,
    idle,
    { type: 'obstacle', message: 'No key '.repeat(20) },
    ...[...'abcdefgh'].map(id => asked(id)),
    typed('日本 '.repeat(60)),
  )
  for (const [columns, rows] of [
    [160, 48],
    [80, 24],
    [40, 12],
    [20, 8],
    [12, 4],
  ] as const) {
    const screen = render(long, columns, rows)
    expect(screen.rows).toHaveLength(rows)
    for (const row of screen.rows) expect(widthOf(row)).toBeLessThanOrEqual(columns)
    expect(screen.cursor.row).toBeLessThan(rows)
    expect(screen.cursor.column).toBeLessThan(columns)
  }
})

const asked = (id: string): WindowEvent => ({ type: 'asked', question: question(id, `question ${id} ${'and more '.repeat(9)}`) })

test('scrolling goes up and comes back', () => {
  const state = after(briefed, idle, ...[...'abcdefghijklmnop'].map(asked))
  const press = (command: 'page-up' | 'page-down'): WindowEvent => ({ type: 'key', key: { type: 'command', command }, page: 10 })
  expect(shown(state).join('\n')).toContain('question p')
  const up = next(state, press('page-up'))
  expect(shown(up).join('\n')).not.toContain('question p')
  expect(shown(up).at(-1)).toContain('10 lines up')
  expect(shown(next(up, press('page-down')))).toEqual(shown(state))
})

test('the cursor stands behind what was typed, wide characters counted', () => {
  const { rows, cursor } = render(after(briefed, typed('ab日')), 60, 20)
  expect(plain(rows[cursor.row] ?? '')).toBe(' ❯ ab日')
  expect(cursor.column).toBe(7)
})

test('escape sequences of a person, a model or a prompt never reach the terminal', () => {
  const evil = '\x1b]0;owned\x07\x1b[2J'
  const state = after(
    { type: 'briefed', level: 1, description: evil, model: evil },
    { type: 'obstacle', message: evil },
    { type: 'question', question: { ...question('1', evil), by: evil } },
    { type: 'delta', questionId: '1', text: evil },
  )
  const drawn = render(state, 80, 24).rows.join('')
  expect(drawn).not.toContain('\x1b]')
  expect(drawn).not.toContain('\x1b[2J')
  expect(drawn).not.toContain('\x07')
})

test('only rows that changed are written again', () => {
  const cursor = { row: 0, column: 0 }
  expect(difference(['a', 'b'], { rows: ['a', 'c'], cursor })).toBe('\x1b[?25l\x1b[2;1Hc\x1b[0m\x1b[K\x1b[1;1H\x1b[?25h')
  expect(difference([], { rows: ['a'], cursor })).toContain('\x1b[2J')
})

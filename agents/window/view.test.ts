import { expect, test } from 'bun:test'
import type { Utterance } from '../../runtime/bus/agents.ts'
import type { Work, WorkEvent } from '../../runtime/bus/work.ts'
import { firstState, next, type WindowEvent, type WindowState } from './state.ts'
import { difference } from './terminal.ts'
import { widthOf } from './text.ts'
import { plain, rememberRows, render } from './view.ts'

const question = (id: string, text: string): Utterance => ({
  ...{ id, text, agent: 'code', thread: 't', role: 'person', by: 'ada', state: 'queued', at: '2026-01-02T03:04:05.000Z' },
})
const workOf = (id: string, text: string): Work => ({
  ...{ id, kind: 'question', attempt: 1, thread: 't', by: 'ada', text, attachments: [] },
  ...{ task: undefined, transcript: [], begun: false, tainted: false },
})
const task = { id: 'k', name: 'landing page', description: '', by: 'supervisor', criteria: [], inputs: [], timeout: 0 }
const started = (id: string, text: string) =>
  ({ type: 'started', work: workOf(id, text), at: '2026-01-02T03:04:05.000Z' }) as const
const work = (id: string, event: WorkEvent): WindowEvent => ({ type: 'work', work: id, event })
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
    started('1', 'what is on port 80?'),
    work('1', { type: 'text', text: 'It is ' }),
    work('1', { type: 'text', text: 'nginx.\nReally.' }),
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
  const begun = started('1', 'hi')
  const state = after(begun, work('1', { type: 'text', text: 'half' }), begun, work('1', { type: 'text', text: 'whole' }))
  expect(shown(state).filter(row => /half|whole|hi/.test(row))).toEqual(['  hi', '  ▎ whole'])
})

test('a task with what is done for it: calls with their outcome, why it waits, and how it ended', () => {
  const call = (id: string, tool: string, title: string) => work('1', { type: 'tool-started', call: id, tool, title })
  const ended = (id: string, outcome: 'done' | 'failed' | 'denied', summary: string, milliseconds: number) =>
    work('1', { type: 'tool-ended', call: id, outcome, summary, milliseconds })
  const under = after(
    { ...started('1', 'Build a page.'), work: { ...workOf('1', 'Build a page.'), task } },
    work('1', { type: 'text', text: 'I look first.' }),
    call('a', 'run', 'npm test in bakery'),
    ended('a', 'done', '3 passed', 1_234),
    call('b', 'run', 'rm -rf /'),
    ended('b', 'denied', 'Not allowed: rm is refused', 3),
    call('c', 'run', 'npm run build'),
    work('1', { type: 'tool-output', call: 'c', text: 'one\ncompiling 3 of 9\n' }),
    work('1', { type: 'waiting', reason: 'waits for a person to approve “npm run build”' }),
  )
  expect(shown(under, 60, 19).slice(2, -4)).toEqual([
    '',
    '  task landing page from supervisor 03:04',
    '  Build a page.',
    '',
    '  code',
    '  ▎ I look first.',
    '  ▸ run npm test in bakery … ok 1.2 s',
    '  ▸ run rm -rf / … refused 3 ms',
    '    Not allowed: rm is refused',
    '  ▸ run npm run build … runs',
    '    compiling 3 of 9',
    '  ⧗ waits for a person to approve “npm run build”',
    '',
  ])
  const end = next(under, { type: 'ended', work: '1', ending: { outcome: 'failed', text: 'It broke' } })
  expect(shown(end).join('\n')).toContain('▎ It broke')
  expect(shown(end).join('\n')).not.toContain('⧗')
})

test('what a broken stream said is taken back, what stands stays, and the end is not said twice', () => {
  const state = after(
    started('1', 'hi'),
    work('1', { type: 'text', text: 'First.' }),
    work('1', { type: 'entry', entry: { role: 'assistant', content: [] } }),
    work('1', { type: 'text', text: 'half a' }),
    work('1', { type: 'retracted' }),
    work('1', { type: 'text', text: 'Second.' }),
    { type: 'ended', work: '1', ending: { outcome: 'done', text: 'First.\n\nSecond.\n\n[cut off]' } },
  )
  expect(shown(state).filter(row => row.includes('▎'))).toEqual(['  ▎ First.', '  ▎ Second.', '  ▎ [cut off]'])
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
    { ...started('1', evil), work: { ...workOf('1', evil), by: evil, task: { ...task, name: evil, by: evil } } },
    work('1', { type: 'text', text: evil }),
    work('1', { type: 'tool-started', call: 'a', tool: evil, title: evil }),
    work('1', { type: 'tool-output', call: 'a', text: evil }),
    work('1', { type: 'tool-started', call: 'b', tool: evil, title: evil }),
    work('1', { type: 'tool-ended', call: 'b', outcome: 'failed', summary: evil, milliseconds: 1 }),
    work('1', { type: 'tainted', source: evil }),
    work('1', { type: 'waiting', reason: evil }),
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

test('what was drawn before is not broken into rows again, and looks the same at every width', () => {
  const rowsOf = rememberRows()
  const asked: WindowEvent = { type: 'asked', question: question('1', 'tell me everything that you know of it') }
  let state = after(briefed, idle, asked, started('1', 'tell me everything that you know of it'))
  for (const piece of ['It is ', '**nginx**.\n', '- one that is longer than the others are, and goes on\n', '```\ncode\n```\n']) {
    state = next(state, work('1', { type: 'text', text: piece }))
    for (const columns of [40, 90, 40]) expect(render(state, columns, 30, rowsOf)).toEqual(render(state, columns, 30))
  }
  const [entry] = state.entries
  if (entry === undefined) throw new Error('nothing was asked')
  expect(rowsOf(entry, 'code', 40)).toBe(rowsOf(entry, 'code', 40))
})

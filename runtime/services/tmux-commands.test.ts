import { expect, test } from 'bun:test'
import { newSession, newWindow, parsePanes, respawnPane, tmuxCommand, type WindowProgram } from './tmux-commands.ts'

const program: WindowProgram = { key: 'code', configuration: 'c0ffee', argv: ['bun', 'x'], cwd: '/p', env: { A: 'b;' } }

test('a command is one client call that never starts a server, and cannot be cut by a semicolon in an argument', () => {
  expect(tmuxCommand('/s', ['rename-window', '-t', '@1', 'x;'], ['kill-pane', '-t', '%2'])).toEqual([
    ...['/usr/bin/tmux', '-u', '-N', '-S', '/s'],
    ...['rename-window', '-t', '@1', 'x\\;', ';', 'kill-pane', '-t', '%2'],
  ])
})

const marked = (window: string, pane = window) => [
  ['set-option', '-w', '-t', window, '@ai-infra-agent', 'code'],
  ['set-option', '-w', '-t', window, '@ai-infra-configuration', 'c0ffee'],
  ['set-option', '-p', '-t', pane, '@ai-infra-pane', 'code'],
  ['set-option', '-w', '-t', window, 'remain-on-exit', 'on'],
  ['set-option', '-w', '-t', window, 'automatic-rename', 'off'],
  ['set-option', '-w', '-t', window, 'allow-rename', 'off'],
]

test('session and windows are marked in the sequence that makes them', () => {
  expect(newSession('/home', program)).toEqual([
    ['new-session', '-d', '-s', 'ai-infrastructure', '-n', 'code', '-c', '/p', '-e', 'A=b;', 'bun', 'x'],
    ['set-option', '-t', '=ai-infrastructure:', '@ai-infra-home', '/home'],
    ...marked('=ai-infrastructure:0'),
  ])
  expect(newWindow('$1', 4, program)).toEqual([
    ['new-window', '-d', '-t', '$1:4', '-n', 'code', '-c', '/p', '-e', 'A=b;', 'bun', 'x'],
    ...marked('$1:4'),
  ])
  expect(respawnPane('@3', '%5', program)).toEqual([
    ['respawn-pane', '-k', '-t', '%5', '-c', '/p', '-e', 'A=b;', 'bun', 'x'],
    ['clear-history', '-t', '%5'],
    ...marked('@3', '%5'),
  ])
})

test('panes are read, and lines that are none are left out', () => {
  const line = '$0\t@1\t2\t%3\t44\t1\t1700000000\t\t9\t0\tcode\tcode\tc0ffee\t/home\tai-infrastructure\ta\tname with tabs'
  expect(parsePanes(`${line}\nnonsense\n$x\t@1\n`)).toEqual([
    {
      ...{ session: '$0', window: '@1', index: 2, pane: '%3', pid: 44, dead: true, deadAt: 1_700_000_000, ending: 'signal 9' },
      ...{ fullScreen: false, paneMark: 'code', windowMark: 'code', configuration: 'c0ffee', home: '/home' },
      ...{ sessionName: 'ai-infrastructure', windowName: 'a\tname with tabs' },
    },
  ])
})

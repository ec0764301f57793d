/** The channel of tmux's `wait-for` that is signalled whenever a window, pane or session ended. */
export const changedChannel = 'ai-infra-changed'

export const sessionName = 'ai-infrastructure'

/** Marks by which our things are known: on the session, on the window, and on the pane that holds the process. */
export const marks = {
  home: '@ai-infra-home',
  agent: '@ai-infra-agent',
  configuration: '@ai-infra-configuration',
  pane: '@ai-infra-pane',
} as const

/**
 * One call of the tmux client. Several commands are run by the server as one sequence that stops at the first failure.
 * `-N` never starts a server: that would be one with the caller's environment.
 */
export function tmuxCommand(socket: string, ...commands: readonly (readonly string[])[]): string[] {
  const words = commands.flatMap((command, index) => [...(index === 0 ? [] : [';']), ...command.map(argument)])
  return ['/usr/bin/tmux', '-u', '-N', '-S', socket, ...words]
}

/** tmux ends a command at an argument whose last character is a semicolon. */
const argument = (word: string) => (word.endsWith(';') ? `${word.slice(0, -1)}\\;` : word)

/** What runs in a window. */
export interface WindowProgram {
  readonly key: string
  readonly configuration: string
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

/** Creates the session with its first window, marked in the same sequence: it is never there without its mark. */
export function newSession(home: string, program: WindowProgram): string[][] {
  const target = `=${sessionName}:`
  return [
    ['new-session', '-d', '-s', sessionName, '-n', program.key, ...launch(program)],
    ['set-option', '-t', target, marks.home, home],
    ...markWindow(`${target}0`, program),
  ]
}

/** Creates a window at an index that must be free, marked in the same sequence. */
export function newWindow(session: string, index: number, program: WindowProgram): string[][] {
  const target = `${session}:${index}`
  return [['new-window', '-d', '-t', target, '-n', program.key, ...launch(program)], ...markWindow(target, program)]
}

/** Ends what runs in the pane and starts the program there. */
export function respawnPane(window: string, pane: string, program: WindowProgram): string[][] {
  return [
    ['respawn-pane', '-k', '-t', pane, ...launch(program)],
    ['clear-history', '-t', pane],
    ...markWindow(window, program, pane),
  ]
}

function markWindow(window: string, program: WindowProgram, pane = window): string[][] {
  return [
    ['set-option', '-w', '-t', window, marks.agent, program.key],
    ['set-option', '-w', '-t', window, marks.configuration, program.configuration],
    ['set-option', '-p', '-t', pane, marks.pane, program.key],
    ['set-option', '-w', '-t', window, 'remain-on-exit', 'on'],
    ['set-option', '-w', '-t', window, 'automatic-rename', 'off'],
    ['set-option', '-w', '-t', window, 'allow-rename', 'off'],
  ]
}

const launch = ({ argv, cwd, env }: WindowProgram) => [
  '-c',
  cwd,
  ...Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
  ...argv,
]

export const swapWindows = (one: string, other: string): string[] => ['swap-window', '-d', '-s', one, '-t', other]

export const renameWindow = (window: string, name: string): string[] => ['rename-window', '-t', window, name]

export const renameSession = (session: string): string[] => ['rename-session', '-t', session, sessionName]

export const killWindow = (window: string): string[] => ['kill-window', '-t', window]

export const killPane = (pane: string): string[] => ['kill-pane', '-t', pane]

/** Visible text of a pane with its colours; with `history`, also that many lines above it. */
export const capturePane = (pane: string, options: { colours: boolean; history?: number }): string[] => [
  'capture-pane',
  '-p',
  ...(options.colours ? ['-e'] : []),
  ...(options.history === undefined ? [] : ['-S', `-${options.history}`]),
  '-t',
  pane,
]

/** A tab cannot be in ids and hashes; names, which can hold anything, come last. */
const fields = [
  'session_id',
  'window_id',
  'window_index',
  'pane_id',
  'pane_pid',
  'pane_dead',
  'pane_dead_time',
  'pane_dead_status',
  'pane_dead_signal',
  'alternate_on',
  marks.pane,
  marks.agent,
  marks.configuration,
  marks.home,
  'session_name',
  'window_name',
]

export const listPanes: readonly string[] = ['list-panes', '-a', '-F', fields.map(name => `#{${name}}`).join('\t')]

export interface Pane {
  readonly session: string
  readonly window: string
  readonly index: number
  readonly pane: string
  readonly pid: number
  readonly dead: boolean
  /** Seconds since 1970, when dead. */
  readonly deadAt: number | undefined
  /** `status 1`, `signal 9`; empty while alive. */
  readonly ending: string
  /** It drew over its own screen, which says nothing about why it ended. */
  readonly fullScreen: boolean
  /** Our marks; empty when absent. */
  readonly paneMark: string
  readonly windowMark: string
  readonly configuration: string
  readonly home: string
  readonly sessionName: string
  readonly windowName: string
}

/** The answer to {@link listPanes}; a line that cannot be ours is left out. */
export function parsePanes(output: string): Pane[] {
  return output.split('\n').flatMap(line => parsePane(line) ?? [])
}

function parsePane(line: string): Pane | undefined {
  const [session = '', window = '', index = '', pane = '', pid = '', dead, deadAt, status, deadSignal, alternate, ...more] =
    line.split('\t')
  const [paneMark = '', windowMark = '', configuration = '', home = '', sessionName = '', ...windowName] = more
  if (!/^\$\d+$/.test(session) || !/^@\d+$/.test(window) || !/^%\d+$/.test(pane)) return undefined
  return {
    session,
    window,
    index: Number(index),
    pane,
    pid: Number(pid),
    dead: dead === '1',
    deadAt: deadAt ? Number(deadAt) : undefined,
    ending: deadSignal ? `signal ${deadSignal}` : status ? `status ${status}` : '',
    fullScreen: alternate === '1',
    paneMark,
    windowMark,
    configuration,
    home,
    sessionName,
    windowName: windowName.join('\t'),
  }
}

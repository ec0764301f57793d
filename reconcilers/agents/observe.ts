import type { AgentsRoom } from '../../runtime/bus/create-agents.ts'
import type { Declaration } from '../../runtime/bus/declarations.ts'
import type { Report } from '../../runtime/bus/presences.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import { capturePane, listPanes, type Pane, parsePanes, sessionName, tmuxCommand } from '../../runtime/services/tmux-commands.ts'
import type { Item } from './item.ts'

export interface OurWindow {
  readonly window: string
  readonly pane: string
  readonly index: number
  readonly pid: number
  readonly alive: boolean
  /** Milliseconds since 1970, when its process ended and the window is still there. */
  readonly deadAt: number | undefined
  /** `status 1`, `signal 9`; empty while alive. */
  readonly ending: string
  readonly fullScreen: boolean
  readonly configuration: string
  readonly name: string
}

/** What is ours on our tmux server. */
export interface Layout {
  readonly session:
    | { readonly state: 'none' }
    /** Somebody else's session has our name. */
    | { readonly state: 'foreign' }
    | { readonly state: 'ours'; readonly id: string; readonly name: string }
  readonly windows: ReadonlyMap<string, OurWindow>
  /** Panes with our mark that are not the window's own: a second one, or one moved elsewhere. */
  readonly strays: ReadonlyMap<string, readonly string[]>
  /** Indexes of our session that are taken, by whomever. */
  readonly taken: ReadonlySet<number>
}

export interface Observed {
  readonly layout: Layout
  readonly declared: ReadonlyMap<string, Declaration>
  readonly generations: ReadonlyMap<string, number>
  readonly restarts: ReadonlyMap<string, readonly Date[]>
  readonly reports: ReadonlyMap<string, Report>
  /** Milliseconds since 1970 of this runtime's start: before it no heartbeat could be heard. */
  readonly listeningSince: number
  /** The last lines of what a dead window shows. */
  readonly lastWords: ReadonlyMap<string, string>
  readonly now: number
}

export interface ObserveDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly agents: AgentsRoom
  readonly clock: Clock
}

export async function observe(deps: ObserveDeps, desired: ReadonlyMap<string, Item>, signal: AbortSignal): Promise<Observed> {
  const { agents, clock } = deps
  const [layout, declared, generations, restarts] = await Promise.all([
    readLayout(deps, signal),
    agents.declarations.all(),
    agents.declarations.generations(),
    agents.declarations.restarts(restartLimit),
  ])
  const dead = [...layout.windows].filter(([key, window]) => !window.alive && (restarts.get(key)?.length ?? 0) >= restartLimit)
  const lastWords = await Promise.all(dead.map(async ([key, window]) => [key, await lastWordsOf(deps, window, signal)] as const))
  return {
    layout,
    declared: new Map(declared.map(declaration => [declaration.name, declaration])),
    generations,
    restarts,
    reports: new Map([...desired.keys()].flatMap(name => entry(name, agents.report(name)))),
    listeningSince: agents.listeningSince.getTime(),
    lastWords: new Map(lastWords),
    now: clock.now().getTime(),
  }
}

/** So many restarts in so many milliseconds, and it is not started again. */
export const restartLimit = 5
export const restartWindow = 5 * 60_000

const entry = <T>(name: string, value: T | undefined): [string, T][] => (value === undefined ? [] : [[name, value]])

export async function readLayout({ home, spawn }: Pick<ObserveDeps, 'home' | 'spawn'>, signal?: AbortSignal): Promise<Layout> {
  const options = { timeout: 10_000, ...(signal === undefined ? {} : { signal }) }
  const { code, stdout, stderr } = await spawn(tmuxCommand(home.tmuxSocket, listPanes), options)
  if (code !== 0) {
    // Without any session tmux has no panes to list and calls that an error.
    const sessions = await spawn(tmuxCommand(home.tmuxSocket, ['list-sessions']), options)
    if (sessions.code === 0 && sessions.stdout === '') return layoutOf([], home.root)
    throw new ApplianceError('failed', `the tmux server does not answer: ${stderr.trim()}`, { subject: home.tmuxSocket })
  }
  return layoutOf(parsePanes(stdout), home.root)
}

export function layoutOf(panes: readonly Pane[], home: string): Layout {
  const ours = panes.filter(pane => pane.home === home)
  const session = ours[0]
  const foreign = panes.some(pane => pane.sessionName === sessionName && pane.home !== home)
  const windows = new Map<string, OurWindow>()
  const strays = new Map<string, string[]>()
  for (const pane of panes) {
    if (pane.paneMark === '') continue
    const atHome = pane.session === session?.session && pane.windowMark === pane.paneMark && !windows.has(pane.paneMark)
    if (atHome) windows.set(pane.paneMark, ourWindow(pane))
    else strays.set(pane.paneMark, [...(strays.get(pane.paneMark) ?? []), pane.pane])
  }
  return {
    session: foreign
      ? { state: 'foreign' }
      : session === undefined
        ? { state: 'none' }
        : { state: 'ours', id: session.session, name: session.sessionName },
    windows,
    strays,
    taken: new Set(ours.filter(pane => pane.session === session?.session).map(pane => pane.index)),
  }
}

const ourWindow = (pane: Pane): OurWindow => ({
  window: pane.window,
  pane: pane.pane,
  index: pane.index,
  pid: pane.pid,
  alive: !pane.dead,
  deadAt: pane.deadAt === undefined ? undefined : pane.deadAt * 1_000,
  ending: pane.ending,
  fullScreen: pane.fullScreen,
  configuration: pane.configuration,
  name: pane.windowName,
})

/** How a process ended and what it last printed, for a message. */
export async function lastWordsOf(
  { home, spawn }: Pick<ObserveDeps, 'home' | 'spawn'>,
  { pane, ending, fullScreen }: OurWindow,
  signal?: AbortSignal,
): Promise<string> {
  if (fullScreen) return ending
  const command = tmuxCommand(home.tmuxSocket, capturePane(pane, { colours: false, history: 50 }))
  const { stdout } = await spawn(command, { timeout: 5_000, ...(signal === undefined ? {} : { signal }) })
  const lines = stdout.split('\n').map(line => line.trim())
  const words = lines
    .filter(line => line !== '' && !line.startsWith('Pane is dead'))
    .slice(-6)
    .join(' | ')
  return [ending, words.slice(-600)].filter(part => part !== '').join(': ')
}

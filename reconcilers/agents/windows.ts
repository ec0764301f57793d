import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Home } from '../../runtime/os/home.ts'
import { oneAtATime } from '../../runtime/os/one-at-a-time.ts'
import { type Spawn, spawnChecked } from '../../runtime/os/spawn.ts'
import {
  killPane,
  killWindow,
  newSession,
  newWindow,
  renameSession,
  renameWindow,
  respawnPane,
  sessionName,
  swapWindows,
  tmuxCommand,
  type WindowProgram,
} from '../../runtime/services/tmux-commands.ts'
import { type Layout, type OurWindow, readLayout } from './observe.ts'

/** What may be done to our windows. Each looks first, so that it can be done again; one runs after the other. */
export interface Windows {
  /** Runs the program in its window, which is made when it is not there; ends what ran there. Gives what it became. */
  run(program: WindowProgram): Promise<OurWindow>
  find(key: string): Promise<OurWindow | undefined>
  arrange(order: readonly string[]): Promise<void>
  remove(key: string): Promise<void>
}

export function createWindows({ home, spawn }: { readonly home: Home; readonly spawn: Spawn }): Windows {
  const inTurn = oneAtATime()
  const tmux = (...commands: readonly (readonly string[])[]) =>
    spawnChecked(spawn, tmuxCommand(home.tmuxSocket, ...commands), { timeout: 10_000 })
  const look = async (): Promise<Layout> => {
    const layout = await readLayout({ home, spawn })
    if (layout.session.state !== 'foreign') return layout
    throw new ApplianceError('stalled', `a session named ${sessionName} on our tmux server is not ours`, {
      hint: 'rename it (tmux rename-session) or end it',
    })
  }
  const endStrays = async (key: string, layout: Layout) => {
    for (const pane of layout.strays.get(key) ?? []) await tmux(killPane(pane))
  }
  const find = async (key: string) => (await readLayout({ home, spawn })).windows.get(key)
  const run = async (program: WindowProgram): Promise<OurWindow> => {
    const layout = await look()
    await endStrays(program.key, layout)
    const window = layout.windows.get(program.key)
    if (window !== undefined) await tmux(...respawnPane(window.window, window.pane, program))
    else if (layout.session.state === 'ours') await tmux(...newWindow(layout.session.id, firstFree(layout.taken), program))
    else await tmux(...newSession(home.root, program))
    const made = await find(program.key)
    if (made === undefined) throw new ApplianceError('failed', 'the window was gone right after it was made')
    return made
  }
  return {
    find,
    run: program => inTurn(() => run(program)),
    arrange: order =>
      inTurn(async () => {
        const layout = await look()
        if (layout.session.state === 'ours' && layout.session.name !== sessionName) await tmux(renameSession(layout.session.id))
        for (const [key, { window, name }] of layout.windows) {
          await endStrays(key, layout)
          if (name !== key) await tmux(renameWindow(window, key))
        }
        for (const [one, other] of swapsFor(order, layout.windows)) await tmux(swapWindows(one, other))
      }),
    remove: key =>
      inTurn(async () => {
        const layout = await readLayout({ home, spawn })
        await endStrays(key, layout)
        const window = layout.windows.get(key)
        if (window !== undefined) await tmux(killWindow(window.window))
      }),
  }
}

function firstFree(taken: ReadonlySet<number>): number {
  let index = 0
  while (taken.has(index)) index++
  return index
}

/** Swaps of windows of ours that bring them into order on the indexes they hold; nobody else's window moves. */
export function swapsFor(
  order: readonly string[],
  windows: ReadonlyMap<string, Pick<OurWindow, 'window' | 'index'>>,
): [string, string][] {
  const wanted = order.filter(key => windows.has(key)).map(key => windows.get(key)?.window ?? '')
  const current = order
    .flatMap(key => windows.get(key) ?? [])
    .sort((one, other) => one.index - other.index)
    .map(({ window }) => window)
  const swaps: [string, string][] = []
  wanted.forEach((window, place) => {
    const there = current[place]
    if (there === undefined || there === window) return
    swaps.push([window, there])
    current[current.indexOf(window)] = there
    current[place] = window
  })
  return swaps
}

import type { Home } from '../os/home.ts'
import type { Spawn } from '../os/spawn.ts'
import { capturePane, listPanes, parsePanes, tmuxCommand } from '../services/tmux-commands.ts'

/** The visible text of a window of ours, with colours; undefined when there is none. */
export async function readScreen(home: Home, spawn: Spawn, name: string): Promise<string | undefined> {
  const panes = await spawn(tmuxCommand(home.tmuxSocket, listPanes), { timeout: 5_000 })
  if (panes.code !== 0) return undefined
  const pane = parsePanes(panes.stdout).find(found => found.paneMark === name && found.home === home.root)
  if (pane === undefined) return undefined
  const screen = await spawn(tmuxCommand(home.tmuxSocket, capturePane(pane.pane, { colours: true })), { timeout: 5_000 })
  return screen.code === 0 ? screen.stdout : undefined
}

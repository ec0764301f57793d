import type { AgentsRoom } from '../../runtime/bus/create-agents.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Home } from '../../runtime/os/home.ts'
import { processFacts, sendSignal } from '../../runtime/os/process.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import { changedChannel, tmuxCommand } from '../../runtime/services/tmux-commands.ts'

export interface WatchDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly agents: AgentsRoom
  readonly clock: Clock
}

/** Wakes when a window, pane or session ended, the tmux server went or came, an agent fell silent or spoke, or a restart was asked. */
export function watch({ home, spawn, agents, clock }: WatchDeps, wake: (reason: string) => void): () => void {
  const stop = new AbortController()
  void followTmux(home, spawn, clock, wake, stop.signal)
  const online = new Map<string, number>()
  const stopReports = agents.onReport(name => {
    const pid = agents.report(name)?.pid
    if (pid === online.get(name)) return
    if (pid === undefined) online.delete(name)
    else online.set(name, pid)
    wake(pid === undefined ? `${name} fell silent` : `${name} reports`)
  })
  const stopRestarts = agents.onRestart(name => wake(`restart of ${name} asked`))
  return () => {
    stop.abort()
    stopReports()
    stopRestarts()
  }
}

/**
 * One client that tmux lets wait until a hook signals. Of what is signalled while none waits tmux keeps little: a second
 * signal takes the first one back. So every client says when it waits, and that wakes: the look that follows sees whatever
 * came before it.
 */
async function followTmux(
  home: Home,
  spawn: Spawn,
  clock: Clock,
  wake: (reason: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // Whoever a killed runtime left waiting there goes home.
  await spawn(tmuxCommand(home.tmuxSocket, ['wait-for', '-S', changedChannel]), { signal }).catch(() => undefined)
  const waiting = tmuxCommand(home.tmuxSocket, ['display-message', '-p', '#{pid}'], ['wait-for', changedChannel])
  let answered = true
  while (!signal.aborted) {
    const ended = new AbortController()
    const printed = (piece: Uint8Array) => {
      wake('a window may have changed')
      void remindOfDeaths(Number(new TextDecoder().decode(piece)), clock, AbortSignal.any([ended.signal, signal]))
    }
    const found = await spawn(waiting, { signal, timeout: 2 ** 31 - 1, printed }).catch(() => undefined)
    ended.abort()
    if (signal.aborted) return
    const answers = found?.code === 0
    if (!answers && answered) wake('the tmux server is gone')
    answered = answers
    if (!answers) await clock.sleep(200, signal)
  }
}

/** Milliseconds between two reminders. */
const remindEvery = 1_000

/**
 * tmux below 3.5 does not hear of a process that dies while libutempter, which has taken its handler, notes that the
 * terminal was closed: no hook would ever run. Told that some child has died, it looks at all of them.
 */
async function remindOfDeaths(server: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const process = Number.isSafeInteger(server) && server > 1 ? processFacts(server) : undefined
  while (process !== undefined && !signal.aborted) {
    await clock.sleep(remindEvery, signal)
    if (signal.aborted || !sendSignal(process, 'SIGCHLD')) return
  }
}

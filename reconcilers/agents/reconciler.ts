import type { AgentsRoom } from '../../runtime/bus/create-agents.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import type { Reconciler } from '../engine/reconciler.ts'
import { type AgentSockets, apply } from './apply.ts'
import { type Item, select, weigh } from './item.ts'
import { type Observed, observe } from './observe.ts'
import { type Action, plan } from './plan.ts'
import { watch } from './watch.ts'
import { createWindows } from './windows.ts'

export interface AgentsReconcilerDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly agents: AgentsRoom
  readonly sockets: AgentSockets
  /** Folder of the program: main.ts, agents/, bunfig.toml. */
  readonly program: string
  /** Changes with every version of the program; another one replaces every agent's process, after what it is doing. */
  readonly version: string
  /** Default: the Bun that runs this. */
  readonly bun?: string
  /** What the window `monitor` runs. Default: htop, or top where it is not installed. */
  readonly monitor?: readonly string[]
  readonly clock: Clock
  /** Whether a Claude key or base URL is there. */
  readonly canAnswer: boolean
  /** Why the key that is declared cannot be had. */
  readonly missingKey?: string | undefined
}

/** Kind `agent`: the tmux session, a window with a living process for each agent, and the windows `monitor` and `logs`. */
export function createAgentsReconciler(deps: AgentsReconcilerDeps): Reconciler<Item, Observed, Action> {
  const { home, spawn, program, bun = process.execPath, monitor = defaultMonitor() } = deps
  const windows = createWindows({ home, spawn })
  const places = { home, program, bun, monitor }
  return {
    kind: 'agent',
    after: [],
    select,
    weigh,
    observe: (desired, signal) => observe(deps, desired, signal),
    plan: (desired, observed) => plan(desired, observed, deps),
    apply: (change, context) => apply({ ...deps, windows, places }, change, context),
    watch: wake => watch(deps, wake),
  }
}

const defaultMonitor = (): readonly string[] => (Bun.which('htop') === null ? ['top', '-d', '5'] : ['htop', '-d', '50'])

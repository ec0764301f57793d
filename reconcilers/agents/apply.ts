import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentsRoom } from '../../runtime/bus/create-agents.ts'
import type { Report } from '../../runtime/bus/presences.ts'
import type { Clock } from '../../runtime/os/clock.ts'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { makeDirectory } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import type { Spawn } from '../../runtime/os/spawn.ts'
import type { ApplyContext, Change } from '../engine/reconciler.ts'
import { type AgentItem, type Item, promptHashOf } from './item.ts'
import { lastWordsOf, type OurWindow } from './observe.ts'
import type { Action } from './plan.ts'
import { makeWorkspace, type ProgramPlaces, programOf } from './program.ts'
import type { Windows } from './windows.ts'

export interface AgentSockets {
  /** Serves the agent's own socket; nothing happens when it is served already. */
  open(name: string): Promise<void>
  close(name: string): Promise<void>
}

export interface ApplyDeps {
  readonly home: Home
  readonly spawn: Spawn
  readonly agents: AgentsRoom
  readonly sockets: AgentSockets
  readonly windows: Windows
  readonly places: ProgramPlaces
  readonly clock: Clock
}

/** Milliseconds that an agent gets to finish what it is doing. */
const drainLimit = 120_000
/** Milliseconds from the start of a process to its first right heartbeat. */
const startLimit = 20_000
const reloadLimit = 15_000

export async function apply(deps: ApplyDeps, { key, action }: Change<Action>, context: ApplyContext): Promise<void> {
  switch (action.type) {
    case 'start':
      if (action.counts) await countRestart(deps, key, context)
      return start(deps, action.item, action.configuration, action.order, context)
    case 'replace':
      return replace(deps, action, context)
    case 'reload':
      return reload(deps, action.item, action.configuration, context)
    case 'arrange':
      await context.step('arrange')
      await deps.windows.arrange(action.order)
      return context.step('arranged')
    case 'remove':
      return remove(deps, key, context)
  }
}

async function countRestart({ agents, clock }: ApplyDeps, key: string, context: ApplyContext): Promise<void> {
  await context.step('count the restart')
  await agents.declarations.recordRestart(key, clock.now())
}

async function start(
  deps: ApplyDeps,
  item: Item,
  configuration: string,
  order: readonly string[],
  context: ApplyContext,
): Promise<void> {
  const { agents, home, windows, places } = deps
  if (item.type === 'agent') await prepare(deps, item, configuration, context)
  else await makeLog(home)
  await context.step('start the process')
  agents.gone(item.name)
  const window = await windows.run(programOf(item, configuration, places))
  await context.step('process started')
  await windows.arrange(order)
  await context.step('arranged')
  if (item.type === 'agent') await reported(deps, item, window, configuration, startLimit, context.signal)
}

/** `tail` complains of a file that is not there yet. */
async function makeLog(home: Home): Promise<void> {
  await makeDirectory(home.logs)
  await appendFile(join(home.logs, 'events.log'), '', { mode: 0o640 })
}

/** Everything that the process finds when it starts. */
async function prepare(deps: ApplyDeps, item: AgentItem, configuration: string, context: ApplyContext): Promise<void> {
  await context.step('make the workspace')
  await makeWorkspace(deps.home, item.name)
  await context.step('declare')
  await declare(deps, item, configuration)
  await context.step('open the socket')
  await deps.sockets.open(item.name)
}

async function declare({ agents }: ApplyDeps, item: AgentItem, configuration: string): Promise<void> {
  const { name, level, description, prompt, model, maxTokens, policy, tools } = item
  const before = await agents.declarations.one(name)
  if (before?.configuration !== configuration) await agents.declarations.forgetRestarts(name)
  await agents.declare({ name, level, description, prompt, model, maxTokens, policy, tools, configuration })
}

async function replace(deps: ApplyDeps, action: Extract<Action, { type: 'replace' }>, context: ApplyContext): Promise<void> {
  const { item, configuration, order } = action
  try {
    if (action.drain) await drain(deps, item.name, context)
    else await countRestart(deps, item.name, context)
    deps.agents.setDraining(item.name, false)
    await start(deps, item, configuration, order, context)
  } finally {
    deps.agents.setDraining(item.name, false)
  }
}

/** Until the process says that nothing is under way, it is gone, or its time is over. */
async function drain(
  { agents, clock, windows }: ApplyDeps,
  key: string,
  { step, progress, signal }: ApplyContext,
): Promise<void> {
  await step('drain')
  agents.setDraining(key, true)
  const deadline = clock.now().getTime() + drainLimit
  const began = clock.now().getTime()
  for (;;) {
    signal.throwIfAborted()
    const report = agents.report(key)
    const left = deadline - clock.now().getTime()
    if (report?.drained === true || left <= 0) break
    if (report === undefined && (await windows.find(key))?.alive !== true) break
    if (report === undefined && clock.now().getTime() - began > 10_000) break
    if (report !== undefined && report.activity !== 'idle')
      progress(key, `draining: ${report.doing}, ${Math.ceil(left / 1_000)} s left`)
    await nextReport(agents, clock, key, 1_000, signal)
  }
  await step('drained')
}

async function reload(deps: ApplyDeps, item: AgentItem, configuration: string, context: ApplyContext): Promise<void> {
  await context.step('declare')
  await deps.sockets.open(item.name)
  await declare(deps, item, configuration)
  await context.step('declared')
  const window = await deps.windows.find(item.name)
  if (window === undefined) throw new ApplianceError('failed', 'its window is gone')
  await reported(deps, item, window, configuration, reloadLimit, context.signal)
}

async function remove(deps: ApplyDeps, key: string, context: ApplyContext): Promise<void> {
  const window = await deps.windows.find(key)
  try {
    if (window?.alive === true && deps.agents.names().includes(key)) await drain(deps, key, context)
    await context.step('close the window')
    await deps.windows.remove(key)
    await context.step('forget')
    await deps.sockets.close(key)
    await deps.agents.forget(key)
    await context.step('forgotten')
  } finally {
    deps.agents.setDraining(key, false)
  }
}

/** Until the process in this window reports that it is what it should be. */
async function reported(
  deps: ApplyDeps,
  item: AgentItem,
  window: OurWindow,
  configuration: string,
  limit: number,
  signal: AbortSignal,
): Promise<void> {
  const { agents, clock, windows } = deps
  const right = (report: Report | undefined) =>
    report?.pid === window.pid && report.configuration === configuration && report.promptHash === promptHashOf(item)
  const deadline = clock.now().getTime() + limit
  while (!right(agents.report(item.name))) {
    signal.throwIfAborted()
    const now = await windows.find(item.name)
    if (now?.pid !== window.pid || !now.alive) {
      const words = now ? await lastWordsOf(deps, now) : ''
      throw new ApplianceError('failed', `its process ended at once${words ? ` (${words})` : ''}`)
    }
    if (clock.now().getTime() > deadline) {
      const words = await lastWordsOf(deps, now)
      throw new ApplianceError(
        'failed',
        `its process did not report within ${limit / 1_000} s${words ? `; it shows: ${words}` : ''}`,
      )
    }
    if (!right(agents.report(item.name))) await nextReport(agents, clock, item.name, 500, signal)
  }
}

/** Until the next heartbeat of this agent, at most so many milliseconds. */
async function nextReport(agents: AgentsRoom, clock: Clock, name: string, limit: number, signal: AbortSignal): Promise<void> {
  const heard = new AbortController()
  const stop = agents.onReport(other => {
    if (other === name) heard.abort()
  })
  await clock.sleep(limit, AbortSignal.any([heard.signal, signal]))
  stop()
}

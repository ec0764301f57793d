import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../os/clock.ts'
import { explain } from '../os/errors.ts'
import type { Home } from '../os/home.ts'
import type { Log } from '../os/log.ts'
import type { Spawn } from '../os/spawn.ts'
import type { Tasks } from '../tasks/task.ts'
import { holdFolder } from './folder.ts'
import { makeWorkspace } from './layout.ts'
import { staleFiles, staleWork, type WorkspaceEntry } from './stale.ts'

export interface WorkspacesDeps {
  readonly home: Pick<Home, 'workspaces' | 'run'>
  readonly agents: () => readonly string[]
  readonly tasks: Pick<Tasks, 'get'>
  readonly spawn: Spawn
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}

/** Milliseconds between two looks. */
const interval = 15 * 60_000

export interface Workspaces {
  /** Makes what is missing and removes what nobody needs any more; gives what was removed. */
  tidy(): Promise<readonly string[]>
  /** Does so now and then. Gives what stops it. */
  start(): () => void
}

/** The workspaces of all agents: made for each, and cleaned a day after they were needed. */
export function createWorkspaces(deps: WorkspacesDeps): Workspaces {
  const { agents, log } = deps
  const tidy = async () => {
    const removed: string[] = []
    for (const agent of agents()) {
      try {
        removed.push(...(await tidyOne(deps, agent)))
      } catch (error) {
        log.warn('workspace not tidied', { key: agent, error: explain(error) })
      }
    }
    if (removed.length > 0) log.info('workspaces tidied', { removed: removed.length })
    return removed
  }
  return {
    tidy,
    start() {
      void tidy()
      const timer = setInterval(() => void tidy(), interval)
      return () => clearInterval(timer)
    },
  }
}

async function tidyOne({ home, tasks, spawn, clock }: WorkspacesDeps, agent: string): Promise<readonly string[]> {
  const workspace = join(home.workspaces, agent)
  await makeWorkspace(workspace, agent)
  const real = join(await realpath(home.workspaces), agent)
  const now = clock.now()
  const clean = async (name: string, choose: (entries: readonly WorkspaceEntry[]) => Promise<readonly string[]>) => {
    const folder = await holdFolder(join(real, name), join(home.run, 'removed'), spawn)
    if (folder === undefined) return []
    try {
      const stale = await choose(await folder.entries())
      for (const entry of stale) await folder.remove(entry)
      return stale.map(entry => `${agent}/${name}/${entry}`)
    } finally {
      await folder.close()
    }
  }
  const files = await clean('temp', async entries => staleFiles(entries, now))
  const work = await clean('working', async entries => {
    const ended = new Map(await Promise.all(entries.map(async ({ name }) => [name, await endOf(tasks, name)] as const)))
    return staleWork(entries, name => ended.get(name), now)
  })
  return [...files, ...work]
}

async function endOf(tasks: Pick<Tasks, 'get'>, name: string): Promise<Date | undefined> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name)) return undefined
  const task = await tasks.get(name)
  return task?.endedAt === undefined ? undefined : new Date(task.endedAt)
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Home, homeAt } from '../../os/home.ts'
import { environmentVariable, listProcesses } from '../../os/process.ts'

/** A home in a folder of its own, with a path short enough for sockets. */
export async function temporaryHome(): Promise<{ home: Home; remove: () => Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'svc-'))
  return { home: homeAt(root), remove: () => rm(root, { recursive: true, force: true }) }
}

/** Looks until it is so; fails with what it waited for when it never is. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>, milliseconds = 20_000): Promise<void> {
  const deadline = performance.now() + milliseconds
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`)
    await Bun.sleep(10)
  }
}

/** Names of all processes that were started for this home. */
export const processesOf = (home: Home) =>
  listProcesses()
    .filter(one => environmentVariable(one.pid, 'AI_INFRA_SERVICE')?.endsWith(`:${home.root}`))
    .filter(one => one.session === one.pid)
    .map(one => one.name)
    .sort()

import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listProcesses } from '../runtime/os/process.ts'
import { type Appliance, processesOf } from '../tests/support/appliance.ts'
import { cloneOf } from '../tests/support/clone.ts'
import type { Figure } from './report.ts'
import { runningAppliance, staticSites } from './running.ts'
import { signIn } from './sign-in.ts'

const idle = 60_000

/**
 * Proportional set size of every process of an appliance that has been idle for a minute, summed. It runs from a copy of
 * Bun that nobody else on the machine shares pages with: they count whole.
 */
export async function benchIdleMemory(): Promise<Figure> {
  const folder = await mkdtemp(join(tmpdir(), 'bun-'))
  try {
    const bun = join(folder, 'bun')
    await copyFile(process.execPath, bun)
    await using appliance = await runningAppliance({ bun })
    await Bun.sleep(idle)
    const sizes = await sizesOf(appliance)
    await useIt(appliance)
    await Bun.sleep(idle)
    const used = sum(await sizesOf(appliance))
    return {
      name: 'idle memory of everything, PSS summed',
      unit: 'MB',
      value: sum(sizes),
      bound: 300,
      better: 'lower',
      detail: { ...Object.fromEntries(sizes), 'idle again after a sign-in and a push': used },
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function useIt(appliance: Appliance): Promise<void> {
  const { visit } = await signIn(appliance)
  await visit('/')
  const clone = await cloneOf(appliance.home.repository, join(appliance.home.root, 'bench'))
  const { accepted, shown } = await clone.deliver({ 'domains.yaml': staticSites(5) })
  if (!accepted) throw new Error(shown)
}

/** Megabytes (10⁶ bytes) by part. */
async function sizesOf(appliance: Appliance): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>()
  for (const pid of withDescendants(await processesOf(appliance.home.root))) {
    const [rollup, command] = await Promise.all(
      ['smaps_rollup', 'cmdline'].map(file => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    )
    const kibibytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup ?? '')?.[1] ?? 0)
    const part = pid === appliance.pid() ? 'runtime' : partOf(command ?? '')
    sizes.set(part, (sizes.get(part) ?? 0) + (kibibytes * 1_024) / 1e6)
  }
  return sizes
}

/** nginx writes its title over its environment, so a worker names the home nowhere; its parent does. */
function withDescendants(roots: readonly number[]): ReadonlySet<number> {
  const all = new Set(roots)
  const processes = listProcesses().filter(({ pid }) => pid !== process.pid)
  for (let size = 0; size !== all.size; ) {
    size = all.size
    for (const { pid, parent } of processes) if (all.has(parent)) all.add(pid)
  }
  return all
}

function partOf(commandLine: string): string {
  const parts = { 'agents/main.ts': 'agents', postgres: 'postgres', redis: 'redis', nginx: 'nginx', tmux: 'tmux' }
  return Object.entries(parts).find(([word]) => commandLine.includes(word))?.[1] ?? 'windows monitor and logs'
}

const sum = (sizes: ReadonlyMap<string, number>) => [...sizes.values()].reduce((total, size) => total + size, 0)

import { readFile } from 'node:fs/promises'
import { type Appliance, processesOf } from '../tests/support/appliance.ts'
import type { Figure } from './report.ts'

/** Proportional set size of every process of an idle appliance, summed. */
export async function benchIdleMemory(appliance: Appliance): Promise<Figure> {
  const sums = new Map<string, number>()
  for (const pid of await processesOf(appliance.home.root)) {
    const [rollup, name] = await Promise.all([
      readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => ''),
      readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    ])
    const kibibytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0)
    const part = partOf(name, pid === appliance.pid())
    sums.set(part, (sums.get(part) ?? 0) + kibibytes / 1024)
  }
  const total = [...sums.values()].reduce((sum, value) => sum + value, 0)
  const detail = Object.fromEntries([...sums].map(([part, mebibytes]) => [`${part} MB`, Math.round(mebibytes)]))
  return { name: 'idle memory of everything, PSS summed', unit: 'MB', value: total, bound: 300, better: 'lower', detail }
}

function partOf(commandLine: string, isRuntime: boolean): string {
  if (isRuntime) return 'runtime'
  for (const part of ['postgres', 'redis', 'nginx', 'agents/main.ts', 'tmux']) {
    if (commandLine.includes(part)) return part === 'agents/main.ts' ? 'agents' : part
  }
  return 'other'
}

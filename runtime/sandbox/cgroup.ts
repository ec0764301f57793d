import { randomBytes } from 'node:crypto'
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ownCgroup, sessionGroup } from '../os/cgroup.ts'
import { systemCode } from '../os/errors.ts'
import { processFacts } from '../os/process.ts'
import { asLine } from './limits.ts'
import type { SandboxLimits } from './sandbox.ts'

/** The kernel's own count of one command with everything it starts, and its limits. */
export interface CommandGroup {
  /** Beginning of a line for bash that moves the shell in; without it nothing runs. */
  readonly enter: string
  /** Which limit of the kernel it met so far, one line each. */
  met(): readonly string[]
  /** Ends all of it at once, also what left its session. */
  kill(): void
  /** After its end. */
  remove(): Promise<void>
}

const prefix = 'command-'

/**
 * The cgroup whose children count commands, or undefined: only where systemd delegates memory and pids to the unit that we
 * run in, and the unit has moved its own processes one level down ({@link sessionGroup}).
 */
export function delegatedCgroup(own = ownCgroup()): string | undefined {
  if (own === undefined || basename(own) !== sessionGroup) return undefined
  const unit = dirname(own)
  try {
    const passedOn = readFileSync(join(unit, 'cgroup.subtree_control'), 'utf8').split(/\s+/)
    if (!['memory', 'pids'].every(name => passedOn.includes(name))) return undefined
    for (const path of [unit, join(unit, 'cgroup.procs')]) accessSync(path, constants.W_OK)
    return unit
  } catch {
    return undefined
  }
}

/** A cgroup for one command below `unit`. */
export function openCommandGroup(unit: string, limits: SandboxLimits): CommandGroup {
  const path = join(unit, `${prefix}${process.pid}-${randomBytes(6).toString('hex')}`)
  mkdirSync(path)
  const write = (file: string, value: number | string) => writeFileSync(join(path, file), String(value))
  write('memory.max', limits.memoryMebibytes * 2 ** 20)
  // All of it ends together: a half command would go on with what is left of it.
  write('memory.oom.group', 1)
  write('pids.max', limits.processes)
  // Not there where the machine has no swap accounting.
  optional(() => write('memory.swap.max', 0))
  return {
    enter: `echo 0 > ${asLine([join(path, 'cgroup.procs')])} || exit 125; `,
    met: () => limitsMet(path, limits),
    kill: () => optional(() => write('cgroup.kill', 1)),
    remove: () => removeGroup(path),
  }
}

function limitsMet(path: string, { memoryMebibytes, processes }: SandboxLimits): readonly string[] {
  const count = (file: string, name: string): number => {
    try {
      return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(join(path, file), 'utf8'))?.[1] ?? 0)
    } catch {
      return 0
    }
  }
  return [
    ...(count('memory.events', 'oom_kill') > 0
      ? [`it needed more than the ${memoryMebibytes} MiB of memory that it may hold (max_memory_mb)`]
      : []),
    ...(count('pids.events', 'max') > 0 ? [`it wanted more than ${processes} processes at once`] : []),
  ]
}

/** Ends and removes what a killed process of ours left. */
export async function removeOrphanedGroups(unit: string): Promise<void> {
  for (const name of readdirSync(unit)) {
    const owner = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    if (owner === undefined || processFacts(Number(owner)) !== undefined) continue
    optional(() => writeFileSync(join(unit, name, 'cgroup.kill'), '1'))
    await removeGroup(join(unit, name))
  }
}

/** Milliseconds that killed processes may take to be gone. */
const patience = 5_000

async function removeGroup(path: string): Promise<void> {
  for (const deadline = performance.now() + patience; performance.now() < deadline; await Bun.sleep(5)) {
    try {
      rmdirSync(path)
      return
    } catch (error) {
      if (systemCode(error) !== 'EBUSY') return
    }
  }
}

function optional(attempt: () => void): void {
  try {
    attempt()
  } catch {
    // This kernel has no such file, or the group is gone.
  }
}

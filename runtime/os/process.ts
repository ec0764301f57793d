import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { systemCode } from './errors.ts'

/** One process as Linux tells it. A pid together with its start names a process for good: pids are reused. */
export interface ProcessFacts {
  readonly pid: number
  readonly parent: number
  readonly session: number
  /** Clock ticks from boot to its start. */
  readonly start: number
  /** The program's own short name, at most 15 characters. */
  readonly name: string
}

/** The process of that pid, or undefined when there is none or it is a zombie. */
export function processFacts(pid: number): ProcessFacts | undefined {
  const text = readProc(pid, 'stat')
  return text === undefined ? undefined : parseStat(text)
}

/** Reads one line of /proc/PID/stat; undefined for a zombie. The name may itself contain blanks and parentheses. */
export function parseStat(text: string): ProcessFacts | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  const fields = text.slice(close + 2).split(' ')
  const state = fields[0]
  if (open < 0 || close < 0 || state === 'Z' || state === 'X') return undefined
  return {
    pid: Number(text.slice(0, open)),
    parent: Number(fields[1]),
    session: Number(fields[3]),
    start: Number(fields[19]),
    name: text.slice(open + 1, close),
  }
}

/** Whether this very process runs, not another one that got its pid. */
export const isAlive = (process: Pick<ProcessFacts, 'pid' | 'start'>) => processFacts(process.pid)?.start === process.start

/** Every process that we can see. */
export function listProcesses(): ProcessFacts[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => processFacts(Number(name)))
    .filter(facts => facts !== undefined)
}

/** The processes that its main thread has started. One small file tells, where the kernel has it, instead of all of /proc. */
export function childrenOf(pid: number): ProcessFacts[] {
  const pids = readProc(pid, join('task', String(pid), 'children'))
  if (pids === undefined) return listProcesses().filter(one => one.parent === pid)
  return pids
    .split(' ')
    .filter(word => word !== '')
    .map(word => processFacts(Number(word)))
    .filter(facts => facts !== undefined)
}

/** The process and everything below it, parents first. */
export function processTree(pid: number, all = listProcesses()): ProcessFacts[] {
  const found = all.filter(one => one.pid === pid)
  for (const parent of found) found.push(...all.filter(one => one.parent === parent.pid))
  return found
}

/** The words of its command line, empty when hidden from us. A program may have replaced them by a title of one word. */
export const commandLine = (pid: number) => readProc(pid, 'cmdline')?.replace(/\0+$/, '').split('\0') ?? []

/** The value of one variable in the environment that it was started with; undefined too when we may not look. */
export function environmentVariable(pid: number, name: string): string | undefined {
  const entry = readProc(pid, 'environ')
    ?.split('\0')
    .find(one => one.startsWith(`${name}=`))
  return entry?.slice(name.length + 1)
}

export const workingFolder = (pid: number) => readLink(pid, 'cwd')

/** The file name of its program, also when an upgrade has replaced the file since. */
export function executable(pid: number): string | undefined {
  const path = readLink(pid, 'exe')
  return path === undefined ? undefined : basename(path.replace(/ \(deleted\)$/, ''))
}

/** A word that differs after each boot. */
export const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Sends a signal; false when the process is gone already. */
export function sendSignal(target: Pick<ProcessFacts, 'pid' | 'start'>, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false
  try {
    process.kill(target.pid, signal)
    return true
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false
    throw error
  }
}

/** Ends all of them: `signal` first, SIGKILL for what is left after `patience` milliseconds. Returns when none lives. */
export async function endProcesses(
  targets: readonly Pick<ProcessFacts, 'pid' | 'start'>[],
  signal: NodeJS.Signals,
  patience: number,
): Promise<void> {
  for (const target of targets) sendSignal(target, signal)
  if (await allGone(targets, patience)) return
  for (const target of targets) sendSignal(target, 'SIGKILL')
  await allGone(targets, 5_000)
}

/** Waits until none of them lives; false when one still does after `patience` milliseconds. */
export async function allGone(targets: readonly Pick<ProcessFacts, 'pid' | 'start'>[], patience: number): Promise<boolean> {
  const deadline = performance.now() + patience
  while (targets.some(isAlive)) {
    if (performance.now() >= deadline) return false
    await Bun.sleep(10)
  }
  return true
}

/** Bytes of memory of a process and all below it, shared pages counted by share (PSS). */
export function memoryOfTree(pid: number): number {
  let kilobytes = 0
  for (const one of processTree(pid)) {
    const match = /^Pss:\s+(\d+) kB/m.exec(readProc(one.pid, 'smaps_rollup') ?? '')
    kilobytes += Number(match?.[1] ?? 0)
  }
  return kilobytes * 1024
}

function readLink(pid: number, name: 'cwd' | 'exe'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`)
  } catch (error) {
    return hidden(error)
  }
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch (error) {
    return hidden(error)
  }
}

function hidden(error: unknown): undefined {
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined
  throw error
}

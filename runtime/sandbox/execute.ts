import { existsSync } from 'node:fs'
import { ApplianceError } from '../os/errors.ts'
import { minimalEnvironment } from '../os/spawn.ts'
import type { Boundary, Wrapped } from './boundary.ts'
import { limitsShown } from './ended.ts'
import { MiddleCut } from './output.ts'
import type { SandboxPolicy, SandboxResult, SandboxRun } from './sandbox.ts'
import { watch } from './watch.ts'

/** Hears what happens at the gate while a command runs. */
export interface Watcher {
  refused(line: string): void
  reached(host: string): void
}

/** Starts a command behind the boundary, holds it to its limits, and ends whatever it leaves behind. */
export async function execute(
  boundary: Boundary,
  command: SandboxRun,
  policy: SandboxPolicy,
  signal: AbortSignal,
  watchers: Set<Watcher>,
): Promise<SandboxResult> {
  const started = performance.now()
  const notes = new Set<string>()
  const reached = new Set<string>()
  const watcher: Watcher = { refused: line => void notes.add(line), reached: host => void reached.add(host) }
  const wrapped = await boundary.wrap(command, policy, signal)
  watchers.add(watcher)
  try {
    const ended = await supervise(wrapped, command, policy, signal, notes)
    for (const line of wrapped.refusals()) notes.add(line)
    return { ...ended, notes: [...notes], reached: [...reached], milliseconds: Math.round(performance.now() - started) }
  } finally {
    watchers.delete(watcher)
    await wrapped.group?.remove()
    boundary.cleanUp()
  }
}

async function supervise(
  wrapped: Wrapped,
  command: SandboxRun,
  { limits, write }: SandboxPolicy,
  signal: AbortSignal,
  notes: Set<string>,
): Promise<Pick<SandboxResult, 'code' | 'stdout' | 'stderr'>> {
  signal.throwIfAborted()
  if (!existsSync(command.cwd)) throw new ApplianceError('invalid', `there is no folder ${command.cwd}`, { subject: 'sandbox' })
  const child = Bun.spawn([...wrapped.argv], {
    cwd: command.cwd,
    env: { ...minimalEnvironment },
    stdin: command.stdin === undefined ? 'ignore' : new TextEncoder().encode(command.stdin),
    stdout: 'pipe',
    stderr: 'pipe',
    detached: true,
  })
  let stopped = false
  const stop = (note: string) => {
    if (stopped) return
    stopped = true
    notes.add(note)
    end()
  }
  const end = () => {
    wrapped.group?.kill()
    killGroup(child.pid)
  }
  const onAbort = () => stop('it was stopped')
  const timer = setTimeout(
    () => stop(`it took longer than ${limits.seconds} seconds (max_execution_time_seconds)`),
    limits.seconds * 1000,
  )
  signal.addEventListener('abort', onAbort, { once: true })
  const unwatch = watch({ root: child.pid, limits, write, counted: wrapped.group !== undefined }, stop)
  try {
    const kept = { stdout: new MiddleCut(limits.outputBytes), stderr: new MiddleCut(limits.outputBytes / 2) }
    let printed = 0
    const said = (text: string) => {
      // Whoever watches gets as much as is kept; the rest would only hold the command's readers up.
      if (printed < limits.outputBytes) command.onOutput?.(text.slice(0, limits.outputBytes - printed))
      printed += text.length
      if (printed > flood) stop(`it printed more than ${flood / 2 ** 20} MiB`)
    }
    const outputs = Promise.all([collect(child.stdout, kept.stdout, said), collect(child.stderr, kept.stderr, said)])
    const code = await child.exited
    const met = wrapped.group?.met() ?? []
    // Whoever holds the output open was left in the background, and ends now.
    end()
    await outputs
    if (kept.stdout.dropped + kept.stderr.dropped > 0)
      notes.add(`it printed more than ${limits.outputBytes} bytes: the middle was left out`)
    if (!stopped) {
      const ended = { code, stderr: kept.stderr.text(), peak: peakOf(child) }
      for (const note of met.length > 0 ? met : limitsShown(ended, limits)) notes.add(note)
    }
    return { code: stopped ? undefined : code, stdout: kept.stdout.text(), stderr: kept.stderr.text() }
  } finally {
    clearTimeout(timer)
    unwatch()
    signal.removeEventListener('abort', onAbort)
    end()
  }
}

/** Output that nobody reads and no limit of a file bounds. */
const flood = 64 * 2 ** 20

/** What was ours before the command began counts as its own. */
function peakOf(child: Bun.Subprocess): number {
  const most = child.resourceUsage()?.maxRSS ?? 0
  return most > process.memoryUsage.rss() * 1.2 ? most : 0
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

async function collect(stream: ReadableStream<Uint8Array>, kept: MiddleCut, onOutput: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    kept.add(chunk)
    onOutput(decoder.decode(chunk, { stream: true }))
  }
}

import type { Boundary, Wrapped } from './boundary.ts'
import { MiddleCut } from './output.ts'
import type { SandboxPolicy, SandboxResult, SandboxRun } from './sandbox.ts'
import { watchMemory } from './watch.ts'

/** Starts a command behind the boundary, holds it to its limits, and ends whatever it leaves behind. */
export async function execute(
  boundary: Boundary,
  command: SandboxRun,
  policy: SandboxPolicy,
  signal: AbortSignal,
  listeners: Set<(line: string) => void>,
): Promise<SandboxResult> {
  const started = performance.now()
  const notes = new Set<string>()
  const listen = (line: string) => void notes.add(line)
  const wrapped = await boundary.wrap(command, policy, signal)
  listeners.add(listen)
  try {
    const ended = await supervise(wrapped, command, policy, signal, notes)
    for (const line of wrapped.refusals()) notes.add(line)
    return { ...ended, notes: [...notes], milliseconds: Math.round(performance.now() - started) }
  } finally {
    listeners.delete(listen)
    boundary.cleanUp()
  }
}

async function supervise(
  wrapped: Wrapped,
  command: SandboxRun,
  { env, limits }: SandboxPolicy,
  signal: AbortSignal,
  notes: Set<string>,
): Promise<Pick<SandboxResult, 'code' | 'stdout' | 'stderr'>> {
  signal.throwIfAborted()
  const child = Bun.spawn(['bash', '-c', wrapped.line], {
    cwd: command.cwd,
    env: { ...env },
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
    killGroup(child.pid)
  }
  const onAbort = () => stop('it was stopped')
  const timer = setTimeout(
    () => stop(`it took longer than ${limits.seconds} seconds (max_execution_time_seconds)`),
    limits.seconds * 1000,
  )
  signal.addEventListener('abort', onAbort, { once: true })
  const unwatch = watchMemory(child.pid, limits.memoryMebibytes, stop)
  try {
    const kept = { stdout: new MiddleCut(limits.outputBytes / 2), stderr: new MiddleCut(limits.outputBytes / 2) }
    const outputs = Promise.all([
      collect(child.stdout, kept.stdout, command.onOutput),
      collect(child.stderr, kept.stderr, command.onOutput),
    ])
    const code = await child.exited
    // Whoever holds the output open was left in the background, and ends now.
    killGroup(child.pid)
    await outputs
    if (kept.stdout.dropped + kept.stderr.dropped > 0)
      notes.add(`it printed more than ${limits.outputBytes} bytes: the middle was left out`)
    if (code === 128 + fileTooLarge || kept.stderr.text().includes('File size limit exceeded'))
      notes.add(`it wrote a file larger than ${limits.fileMebibytes} MiB (max_file_size_mb)`)
    return { code: stopped ? undefined : code, stdout: kept.stdout.text(), stderr: kept.stderr.text() }
  } finally {
    clearTimeout(timer)
    unwatch()
    signal.removeEventListener('abort', onAbort)
    killGroup(child.pid)
  }
}

/** SIGXFSZ. */
const fileTooLarge = 25

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

async function collect(stream: ReadableStream<Uint8Array>, kept: MiddleCut, onOutput?: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    kept.add(chunk)
    onOutput?.(decoder.decode(chunk, { stream: true }))
  }
}

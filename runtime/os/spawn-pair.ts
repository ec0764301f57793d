import { ApplianceError, systemCode } from './errors.ts'
import { type Complained, minimalEnvironment } from './spawn.ts'

export interface PairedCommand {
  readonly argv: readonly string[]
  /** The whole environment of the child. Default: PATH, LANG and nothing else. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Called with every piece of its stderr as it comes; `interrupt` asks it to end (SIGINT). */
  readonly complained?: Complained
}

export interface PairedResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const mostOutput = 1024 * 1024

/**
 * Runs two commands, the first one's output going into the second; nothing of it is kept here. Gives how both ended:
 * the caller judges, for a reader that ended well says nothing of its writer. The signal kills both with all that they
 * started.
 */
export async function spawnPair(
  from: PairedCommand,
  into: PairedCommand,
  signal: AbortSignal,
): Promise<{ readonly from: PairedResult; readonly into: PairedResult }> {
  signal.throwIfAborted()
  const writer = start(from, 'ignore')
  const reader = start(into, writer.stdout)
  const kill = () => {
    for (const { pid } of [writer, reader]) killGroup(pid)
  }
  signal.addEventListener('abort', kill, { once: true })
  try {
    // A reader that gives up would leave its writer waiting for good.
    void reader.exited.then(() => killGroup(writer.pid))
    const [writerSaid, readerSaid, readerPrinted, writerCode, readerCode] = await Promise.all([
      ...[text(writer.stderr, heard(from, writer)), text(reader.stderr, heard(into, reader)), text(reader.stdout)],
      ...([writer.exited, reader.exited] as const),
    ] as const)
    signal.throwIfAborted()
    return {
      from: { code: writerCode, stdout: '', stderr: writerSaid },
      into: { code: readerCode, stdout: readerPrinted, stderr: readerSaid },
    }
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

function start(command: PairedCommand, stdin: 'ignore' | ReadableStream<Uint8Array>) {
  const { argv, env = minimalEnvironment, cwd } = command
  try {
    return Bun.spawn([...argv], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...env },
      ...{ stdin, stdout: 'pipe', stderr: 'pipe', detached: true },
    })
  } catch (cause) {
    throw new ApplianceError('failed', `cannot start ${argv[0]}`, { hint: 'is it installed? run ./install.sh again', cause })
  }
}

const heard =
  ({ complained }: PairedCommand, child: { kill(signal: 'SIGINT'): void }) =>
  (piece: Uint8Array) =>
    complained?.(piece, () => child.kill('SIGINT'))

/** The last of what it printed. */
async function text(stream: ReadableStream<Uint8Array>, heard?: (piece: Uint8Array) => void): Promise<string> {
  let kept = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    heard?.(chunk)
    kept = (kept + decoder.decode(chunk, { stream: true })).slice(-mostOutput)
  }
  return kept
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

import { ApplianceError, systemCode } from './errors.ts'

export interface SpawnOptions {
  readonly cwd?: string
  /** The whole environment of the child. Default: PATH, LANG and nothing else. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Uint8Array
  /** Milliseconds until the child is killed. Default 30,000. */
  readonly timeout?: number
  /** Bytes kept of each of stdout and stderr; a child that writes more is killed. Default 16 MiB. */
  readonly maxOutput?: number
  readonly signal?: AbortSignal
  /** Called with every piece of stdout as it comes. */
  readonly printed?: (piece: Uint8Array) => void
  /** Called with every piece of stderr as it comes; `interrupt` asks the child to end (SIGINT). */
  readonly complained?: Complained
}

export type Complained = (piece: Uint8Array, interrupt: () => void) => void

export interface SpawnResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command and gives its exit status and output. A missing program, timeout, abort or too much output throws. */
export type Spawn = (argv: readonly string[], options?: SpawnOptions) => Promise<SpawnResult>

export const minimalEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
}

/** Like {@link spawn}, with stdout as bytes. */
export async function spawnBytes(
  argv: readonly string[],
  options: SpawnOptions = {},
): Promise<{ code: number; stdout: Uint8Array; stderr: string }> {
  const { timeout = 30_000, maxOutput = 16 * 1024 * 1024 } = options
  options.signal?.throwIfAborted()
  const child = start(argv, options)
  const stopped = Promise.withResolvers<never>()
  const stop = (error: ApplianceError) => {
    killGroup(child.pid)
    stopped.reject(error)
  }
  const timer = setTimeout(
    () => stop(new ApplianceError('failed', `${programOf(argv)} took longer than ${timeout} ms`, { subject: argv.join(' ') })),
    timeout,
  )
  const onAbort = () => stop(new ApplianceError('failed', `${programOf(argv)} was stopped`, { cause: options.signal?.reason }))
  options.signal?.addEventListener('abort', onAbort, { once: true })
  const overflow = () => stop(new ApplianceError('failed', `${programOf(argv)} printed more than ${maxOutput} bytes`))
  try {
    // Whoever is left of a stopped command may hold its output open: nobody waits for that.
    const [stdout, stderr, code] = await Promise.race([
      Promise.all([
        collect(child.stdout, maxOutput, overflow, options.printed),
        collect(child.stderr, maxOutput, overflow, piece => options.complained?.(piece, () => child.kill('SIGINT'))),
        child.exited,
      ]),
      stopped.promise,
    ])
    return { code, stdout, stderr: new TextDecoder().decode(stderr) }
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', onAbort)
  }
}

export const spawn: Spawn = async (argv, options) => {
  const result = await spawnBytes(argv, options)
  return { ...result, stdout: new TextDecoder().decode(result.stdout) }
}

/** Runs a command that must succeed and gives its stdout. */
export async function spawnChecked(run: Spawn, argv: readonly string[], options?: SpawnOptions): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code !== 0) {
    const words = stderr.trim() || stdout.trim() || 'it printed nothing'
    throw new ApplianceError('failed', `${programOf(argv)} ended with status ${code}: ${words}`, { subject: argv.join(' ') })
  }
  return stdout
}

/** What a person knows the command by: not what only sets its limits. */
export function programOf(argv: readonly string[]): string {
  const [first = '', ...rest] = argv
  return /(?:^|\/)prlimit$/.test(first) ? (rest.find(word => !word.startsWith('-')) ?? first) : first
}

function start(argv: readonly string[], options: SpawnOptions) {
  try {
    return Bun.spawn([...argv], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...(options.env ?? minimalEnvironment) },
      stdin: options.stdin === undefined ? 'ignore' : asBytes(options.stdin),
      stdout: 'pipe',
      stderr: 'pipe',
      // A group of its own: what it starts (Git its helper for https) ends with it.
      detached: true,
    })
  } catch (cause) {
    throw new ApplianceError('failed', `cannot start ${argv[0]}`, { hint: 'is it installed? run ./install.sh again', cause })
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error
  }
}

const asBytes = (input: string | Uint8Array) => (typeof input === 'string' ? new TextEncoder().encode(input) : input)

async function collect(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  overflow: () => void,
  printed?: (piece: Uint8Array) => void,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    printed?.(chunk)
    size += chunk.byteLength
    if (size > limit) {
      overflow()
      break
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

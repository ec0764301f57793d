import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { servicesShape, waitShape } from '../../commands/shapes.ts'
import { type Home, homeAt } from '../../runtime/os/home.ts'
import { freePorts } from '../../runtime/os/testing/free-ports.ts'
import { placeReadyMadeDatabase } from '../../runtime/store/testing/ready-made.ts'
import { type Clone, cloneOf } from './clone.ts'
import { killAll, processesOf } from './processes.ts'
import { until } from './until.ts'

export { processesOf }

export const program = join(import.meta.dir, '..', '..')

export type ApplianceStatus = Omit<z.infer<typeof waitShape>, 'milliseconds'>

export interface Ended {
  readonly code: number
  readonly out: string
  readonly error: string
}

export interface StartOptions {
  /** Module that is run instead of the command line. */
  readonly entry?: string
  readonly env?: Readonly<Record<string, string>>
  /** Another Bun than the one that runs this. */
  readonly bun?: string
}

export interface HomeOptions {
  /** Folder of the home, which is not removed at the end. */
  readonly root?: string
  readonly bare?: boolean
}

export interface Appliance extends AsyncDisposable {
  readonly home: Home
  readonly ports: { readonly portal: number; readonly http: number; readonly https: number }
  /** Pid of the runtime. */
  pid(): number
  /** What the runtime has printed since its start. */
  printed(): string
  /** Starts the runtime and returns at once. */
  launch(options?: StartOptions): void
  /** Starts the runtime (again) and waits for its screen. */
  start(options?: StartOptions): Promise<void>
  /** Sends the runtime a signal and waits until it is gone; gives its exit status, or undefined when a signal ended it. */
  end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | undefined>
  /** Until the runtime has ended by itself. */
  ended(): Promise<number | undefined>
  /** Runs a verb of the command line. */
  command(...args: string[]): Promise<Ended>
  /** The same, with a text on its standard input. */
  commandWith(stdin: string, ...args: string[]): Promise<Ended>
  status(): Promise<ApplianceStatus>
  /** Until everything is ready, at this commit or a newer one; a resource that needs a person, or the deadline, is an error. */
  converged(revision?: string): Promise<ApplianceStatus>
  resource(kind: string, key: string): Promise<ApplianceStatus['resources'][number] | undefined>
  services(): Promise<z.infer<typeof servicesShape>>
  /** Outcomes and messages of the last convergences of one resource, newest first. */
  runs(kind: string, key: string): Promise<readonly Run[]>
  /** The lines of what has happened, as the window `logs` shows them. */
  events(): Promise<string>
  /** A site's answer from nginx. */
  visit(host: string, path?: string, init?: RequestInit): Promise<Response>
  /** A clone of the desired state in a folder of its own. */
  clone(name?: string): Promise<Clone>
  /** Names of the windows of our session in their order. */
  windows(): Promise<string[]>
  /** Pid of the process in each window, by name. */
  panes(): Promise<ReadonlyMap<string, number>>
  tmux(...args: string[]): Promise<string>
}

const runsShape = z.array(
  z.object({ trigger: z.string(), operation: z.string(), summary: z.string(), outcome: z.string(), message: z.string() }),
)
export type Run = z.infer<typeof runsShape>[number]

const flags = ['--no-env-file', '--config=/dev/null']

/**
 * A whole appliance in a home of its own on free ports, not started yet; its end leaves no process and no file. Its Postgres
 * is there already, empty; a home that is given, and one that is to be `bare`, gets one at its first start.
 */
export async function createAppliance({ root, bare = root !== undefined }: HomeOptions = {}): Promise<Appliance> {
  const made = root ?? (await mkdtemp(join(tmpdir(), 'ai-')))
  const home = homeAt(made)
  if (!bare) await placeReadyMadeDatabase(home)
  const [portal, http, https] = freePorts(3)
  const ports = { portal: portal ?? 0, http: http ?? 0, https: https ?? 0 }
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
    HOME: made,
    LANG: 'C.UTF-8',
    AI_INFRA_HOME: made,
    AI_INFRA_PORTAL_PORT: String(ports.portal),
    AI_INFRA_HTTP_PORT: String(ports.http),
    AI_INFRA_HTTPS_PORT: String(ports.https),
  }
  let child: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | undefined
  let text = ''
  let reading: Promise<unknown> = Promise.resolve()
  let clones = 0

  const run = async (argv: readonly string[], stdin?: string): Promise<Ended> => {
    const given = stdin === undefined ? 'ignore' : new TextEncoder().encode(stdin)
    const ran = Bun.spawn([...argv], { env, cwd: made, stdin: given, stdout: 'pipe', stderr: 'pipe' })
    const [out, error, code] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text(), ran.exited])
    return { code, out, error }
  }
  const ask = async <T>(path: string, shape: z.ZodType<T>): Promise<T> => {
    const response = await fetch(`http://appliance${path}`, { unix: home.apiSocket })
    return shape.parse(await response.json())
  }
  const hasEnded = () => child === undefined || child.exitCode !== null || child.signalCode !== null
  const tmux = async (...args: string[]) => (await run(['tmux', '-S', home.tmuxSocket, ...args])).out
  const status = () => ask('/api/status', waitShape.omit({ milliseconds: true }))

  const appliance: Appliance = {
    home,
    ports,
    pid: () => child?.pid ?? 0,
    printed: () => text,
    launch({ entry = join(program, 'main.ts'), env: more = {}, bun = process.execPath } = {}) {
      text = ''
      const options = { env: { ...env, ...more }, cwd: made, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' } as const
      const started = Bun.spawn([bun, ...flags, entry, 'up'], options)
      child = started
      reading = Promise.all([started.stdout, started.stderr].map(stream => append(stream, chunk => (text += chunk))))
    },
    async start(options) {
      appliance.launch(options)
      await until('the runtime shows its screen', () => text.includes('is up, in') || hasEnded(), 60_000)
      if (hasEnded()) await reading
      if (!text.includes('is up, in')) throw new Error(`up failed:\n${text}`)
    },
    async end(signal) {
      child?.kill(signal)
      return appliance.ended()
    },
    async ended() {
      await child?.exited
      await reading
      return child?.exitCode ?? undefined
    },
    command: (...args) => run([process.execPath, ...flags, join(program, 'main.ts'), ...args]),
    commandWith: (stdin, ...args) => run([process.execPath, ...flags, join(program, 'main.ts'), ...args], stdin),
    status,
    async converged(revision = 'main') {
      const query = new URLSearchParams({ timeout: '60', revision })
      const reached = await ask(`/api/wait?${query}`, waitShape)
      const open = reached.resources.filter(({ state }) => state !== 'ready' && state !== 'suspended')
      if (!reached.converged) throw new Error(`not converged at ${reached.desired}: ${JSON.stringify(open, null, 1)}`)
      return reached
    },
    async resource(kind, key) {
      return (await status()).resources.find(resource => resource.kind === kind && resource.key === key)
    },
    services: () => ask('/api/services', servicesShape),
    runs: (kind, key) => ask(`/api/runs/${kind}/${encodeURIComponent(key)}`, runsShape),
    events: () => Bun.file(join(home.logs, 'events.log')).text(),
    visit: (host, path = '/', init = {}) =>
      fetch(`http://127.0.0.1:${ports.http}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { ...init.headers, host, connection: 'close' },
      }),
    clone: (name = `clone-${++clones}`) => cloneOf(home.repository, join(made, 'clones', name)),
    async windows() {
      return (await tmux('list-windows', '-t', '=ai-infrastructure', '-F', '#{window_name}')).trim().split('\n')
    },
    async panes() {
      const listed = await tmux('list-panes', '-s', '-t', '=ai-infrastructure', '-F', '#{window_name} #{pane_pid}')
      const lines = listed.trim().split('\n')
      return new Map(lines.map(line => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]))
    },
    tmux,
    async [Symbol.asyncDispose]() {
      if (!hasEnded()) await appliance.end('SIGKILL')
      await until('nothing of the appliance runs', () => {
        const left = processesOf(made)
        killAll(left)
        return left.length === 0
      })
      if (root === undefined) await rm(made, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return appliance
}

/** A new appliance that has come up. */
export async function startedAppliance(): Promise<Appliance> {
  const appliance = await createAppliance()
  try {
    await appliance.start()
    await appliance.converged()
    return appliance
  } catch (error) {
    await appliance[Symbol.asyncDispose]()
    throw error
  }
}

async function append(stream: ReadableStream<Uint8Array>, take: (chunk: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { z } from 'zod'
import { statusShape } from '../../commands/shapes.ts'
import { type Home, homeAt } from '../../runtime/os/home.ts'

const program = join(import.meta.dir, '..', '..')

export type ApplianceStatus = z.infer<typeof statusShape>

export interface Appliance extends AsyncDisposable {
  readonly home: Home
  readonly ports: { readonly portal: number; readonly http: number; readonly https: number }
  /** Pid of the runtime. */
  pid(): number
  /** What the runtime has printed so far. */
  printed(): string
  /** Starts the runtime (again) and waits for its screen. */
  start(entry?: string, more?: Readonly<Record<string, string>>): Promise<void>
  /** Sends the runtime a signal and waits until it is gone. */
  end(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): Promise<number | null>
  /** Resolves when the runtime has ended by itself. */
  ended(): Promise<number | null>
  /** Runs a verb of the command line. */
  command(...args: string[]): Promise<{ code: number; out: string; error: string }>
  status(): Promise<ApplianceStatus>
  /** Until it is converged at this commit. */
  converged(revision?: string): Promise<ApplianceStatus>
  /** A site's answer from nginx. */
  visit(host: string, path?: string, init?: RequestInit): Promise<Response>
}

/** A whole appliance in a home of its own on free ports, not started yet; its end leaves no process and no file. */
export async function createAppliance(): Promise<Appliance> {
  const root = await mkdtemp(join(tmpdir(), 'ai-'))
  const home = homeAt(root)
  const [portal, http, https] = await Promise.all([freePort(), freePort(), freePort()])
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: root,
    LANG: 'C.UTF-8',
    AI_INFRA_HOME: root,
    AI_INFRA_PORTAL_PORT: String(portal),
    AI_INFRA_HTTP_PORT: String(http),
    AI_INFRA_HTTPS_PORT: String(https),
  }
  let child: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | undefined
  let text = ''

  const command = async (...args: string[]) => {
    const run = Bun.spawn([process.execPath, '--no-env-file', '--config=/dev/null', join(program, 'main.ts'), ...args], {
      env,
      cwd: root,
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, error, code] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text(), run.exited])
    return { code, out, error }
  }

  const appliance: Appliance = {
    home,
    ports: { portal, http, https },
    pid: () => child?.pid ?? 0,
    printed: () => text,
    async start(entry = join(program, 'main.ts'), more = {}) {
      text = ''
      child = Bun.spawn([process.execPath, '--no-env-file', '--config=/dev/null', entry, 'up'], {
        env: { ...env, ...more },
        cwd: root,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      const started = child
      const keep = (chunk: string) => {
        text += chunk
      }
      const reading = Promise.all([started.stdout, started.stderr].map(stream => append(stream, keep)))
      const deadline = Date.now() + 40_000
      while (!text.includes('is up, in')) {
        if (started.exitCode !== null || started.signalCode !== null) await reading
        if (started.exitCode !== null || started.signalCode !== null || Date.now() > deadline)
          throw new Error(`up failed:\n${text}`)
        await Bun.sleep(10)
      }
    },
    async end(signal) {
      child?.kill(signal)
      await child?.exited
      return child?.exitCode ?? null
    },
    async ended() {
      await child?.exited
      return child?.exitCode ?? null
    },
    command,
    async status() {
      const response = await fetch('http://appliance/api/status', { unix: home.apiSocket })
      return statusShape.parse(await response.json())
    },
    async converged(revision) {
      const query = new URLSearchParams({ timeout: '60', ...(revision === undefined ? {} : { revision }) })
      const response = await fetch(`http://appliance/api/wait?${query}`, { unix: home.apiSocket })
      const status = statusShape.parse(await response.json())
      if (!status.converged)
        throw new Error(
          `not converged: ${JSON.stringify(
            status.resources.filter(({ state }) => state !== 'ready'),
            null,
            1,
          )}`,
        )
      return status
    },
    visit: (host, path = '/', init = {}) =>
      fetch(`http://127.0.0.1:${http}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { ...init.headers, host, connection: 'close' },
      }),
    async [Symbol.asyncDispose]() {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT')
        await child.exited
      }
      await killLeftovers(root)
      await rm(root, { recursive: true, force: true })
    },
  }
  return appliance
}

async function append(stream: ReadableStream<Uint8Array>, take: (chunk: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}

/** Pids of every process that names the home in its command line or environment. */
export async function processesOf(root: string): Promise<number[]> {
  const pids: number[] = []
  for await (const entry of new Bun.Glob('[0-9]*').scan({ cwd: '/proc', onlyFiles: false })) {
    if (Number(entry) === process.pid) continue
    const [cmdline, environ] = await Promise.all(
      ['cmdline', 'environ'].map(file =>
        Bun.file(`/proc/${entry}/${file}`)
          .text()
          .catch(() => ''),
      ),
    )
    if (`${cmdline}\0${environ}`.includes(root)) pids.push(Number(entry))
  }
  return pids
}

async function killLeftovers(root: string): Promise<void> {
  for (const pid of await processesOf(root)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

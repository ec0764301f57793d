import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readFields } from '../../runtime/bus/parse.ts'
import { type Home, homeAt } from '../../runtime/os/home.ts'
import { freePorts } from '../../runtime/os/testing/free-ports.ts'

/** A whole appliance of its own, as `ai-infra up` starts it, with another service in Claude's place. */
export interface TestAppliance {
  readonly home: Home
  /** Asks its API as the operator. Throws with what the API says when it refuses. */
  ask(path: string, content?: object): Promise<unknown>
  /** Writes documents of the desired state, or removes them, and waits until the server is what they say. */
  deliver(documents: Documents): Promise<void>
  /** What it printed. */
  printed(): string
  stop(): Promise<void>
}

/** Text by path; undefined for one that there shall not be. */
export type Documents = Readonly<Record<string, string | undefined>>

const program = join(import.meta.dir, '..', '..')
const startLimit = 120_000

export async function startAppliance(modelUrl: string): Promise<TestAppliance> {
  const root = await mkdtemp(join(tmpdir(), 'hs-'))
  const home = homeAt(root)
  const [portal, http, https] = freePorts(3)
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
    ...{ HOME: root, LANG: 'C.UTF-8', AI_INFRA_HOME: root, ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: modelUrl },
    AI_INFRA_PORTAL_PORT: String(portal),
    AI_INFRA_HTTP_PORT: String(http),
    AI_INFRA_HTTPS_PORT: String(https),
  }
  const child = Bun.spawn([process.execPath, '--no-env-file', '--config=/dev/null', join(program, 'main.ts'), 'up'], {
    ...{ env, cwd: root, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  })
  let printed = ''
  const add = (piece: string) => {
    printed += piece
  }
  const reading = Promise.all([child.stdout, child.stderr].map(stream => follow(stream, add)))
  const ask = (path: string, content?: object) => askApi(home.apiSocket, path, content)
  /** A test that takes agents away means it: what is held because it is much is approved. */
  const converged = async (): Promise<void> => {
    const wait = readFields(await ask('/api/wait?timeout=60&revision=main'), 'wait')
    if (wait.boolean('converged')) return
    const holds = readFields({ holds: await ask('/api/holds') }).list('holds', hold => hold.text('id'))
    if (holds.length === 0) throw new Error(`the server is not as the documents say: ${JSON.stringify(wait.raw)}`)
    for (const id of holds) await ask(`/api/approve/${id}`, {})
    await converged()
  }
  const appliance: TestAppliance = {
    home,
    ask,
    async deliver(documents) {
      await push(home.repository, join(root, 'clone'), documents)
      await converged()
    },
    printed: () => printed,
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([child.exited, Bun.sleep(10_000).then(() => child.kill('SIGKILL'))])
      await child.exited
      await reading
      await endAll(root)
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  try {
    const deadline = Date.now() + startLimit
    while (!printed.includes('is up, in')) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the appliance did not come up:\n${printed}`)
      await Bun.sleep(50)
    }
    await converged()
    return appliance
  } catch (error) {
    await appliance.stop()
    throw error
  }
}

async function askApi(socket: string, path: string, content: object | undefined): Promise<unknown> {
  const options =
    content === undefined
      ? {}
      : { method: 'POST', body: JSON.stringify(content), headers: { 'content-type': 'application/json' } }
  const response = await fetch(`http://appliance${path}`, { unix: socket, ...options })
  const text = await response.text()
  if (response.status === 429) {
    await Bun.sleep(1_000)
    return askApi(socket, path, content)
  }
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

async function push(repository: string, clone: string, documents: Documents): Promise<void> {
  const git = async (...args: readonly string[]) => {
    const env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }
    const ran = Bun.spawn(['git', ...args], { env, stdout: 'pipe', stderr: 'pipe' })
    const [out, err, code] = await Promise.all([new Response(ran.stdout).text(), new Response(ran.stderr).text(), ran.exited])
    if (code !== 0) throw new Error(`git ${args.join(' ')}:\n${out}${err}`)
  }
  await rm(clone, { recursive: true, force: true })
  await git('clone', '-q', repository, clone)
  for (const [name, text] of Object.entries(documents)) {
    if (text === undefined) await rm(join(clone, name), { force: true })
    else await Bun.write(join(clone, name), text)
  }
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
  await git('-C', clone, 'add', '-A')
  await git('-C', clone, ...author, 'commit', '-q', '--allow-empty', '-m', 'as the test wants it')
  await git('-C', clone, 'push', '-q', 'origin', 'HEAD:main')
}

/** What outlives the runtime on purpose, and what a killed one left: everything that names the home as its own. */
async function endAll(root: string): Promise<void> {
  for (let left = belonging(root); left.length > 0; left = belonging(root)) {
    for (const pid of left) quietly(() => process.kill(pid, 'SIGKILL'))
    await Bun.sleep(20)
  }
}

const belonging = (root: string): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter(pid => {
      const facts = ['cmdline', 'environ'].map(file => quietly(() => readFileSync(`/proc/${pid}/${file}`, 'utf8')) ?? '')
      const folder = quietly(() => readlinkSync(`/proc/${pid}/cwd`)) ?? ''
      return folder.startsWith(root) || facts.some(fact => fact.includes(root))
    })

/** Processes come and go while they are looked at, and those of others are closed to us. */
function quietly<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

async function follow(stream: ReadableStream<Uint8Array>, take: (piece: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }))
}

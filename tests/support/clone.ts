import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const env = {
  PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
}

export interface PushResult {
  readonly accepted: boolean
  /** Everything that the pusher's terminal showed. */
  readonly shown: string
  /** The lines of the appliance, without Git's `remote:`. */
  readonly remote: readonly string[]
  readonly revision: string
}

/** A push under way. */
export interface RunningPush {
  /** What the terminal shows so far. */
  shown(): string
  /** The terminal is closed: Git is gone, and with it whoever listened. */
  hangUp(): Promise<void>
  done(): Promise<PushResult>
}

type Files = Readonly<Record<string, string | Uint8Array>>

/** A user's clone of a desired-state repository, driven by plain Git. */
export interface Clone {
  readonly path: string
  git(...args: string[]): Promise<{ code: number; shown: string }>
  /** Output of a Git command that must succeed, without the last line break. */
  ask(...args: string[]): Promise<string>
  read(name: string): Promise<string>
  write(files: Files): Promise<void>
  remove(name: string): Promise<void>
  link(name: string, target: string): Promise<void>
  commit(message?: string): Promise<string>
  push(...args: string[]): Promise<PushResult>
  startPush(...args: string[]): Promise<RunningPush>
  /** Writes, commits and pushes to main. */
  deliver(files: Files, message?: string): Promise<PushResult>
  /** Forgets what was not accepted, and is as main of the appliance again. */
  reset(): Promise<void>
}

export async function cloneOf(repository: string, path: string): Promise<Clone> {
  await mkdir(dirname(path), { recursive: true })
  const cloned = await run(dirname(path), ['clone', '-q', repository, path])
  if (cloned.code !== 0) throw new Error(cloned.shown)
  return openClone(path)
}

export function openClone(path: string): Clone {
  const git = (...args: string[]) => run(path, args)
  const ask = async (...args: string[]) => {
    const { code, shown } = await git(...args)
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${shown}`)
    return shown.trimEnd()
  }
  const clone: Clone = {
    path,
    git,
    ask,
    read: name => readFile(join(path, name), 'utf8'),
    async write(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true })
        await writeFile(join(path, name), content)
      }
    },
    remove: name => rm(join(path, name), { recursive: true }),
    async link(name, target) {
      await rm(join(path, name), { recursive: true, force: true })
      await symlink(target, join(path, name))
    },
    async commit(message = 'A change') {
      await ask('add', '-A')
      await ask('commit', '-q', '--allow-empty', '-m', message)
      return ask('rev-parse', 'HEAD')
    },
    push: async (...args) => (await clone.startPush(...args)).done(),
    async startPush(...args) {
      const revision = await ask('rev-parse', 'HEAD')
      const pushing = start(path, ['push', ...(args.length > 0 ? args : ['origin', 'HEAD:main'])])
      return {
        shown: pushing.shown,
        async hangUp() {
          process.kill(-pushing.pid, 'SIGHUP')
          await pushing.done
        },
        async done() {
          const code = await pushing.done
          const shown = pushing.shown()
          return { accepted: code === 0, shown, remote: remoteLines(shown), revision }
        },
      }
    },
    async deliver(files, message) {
      await clone.write(files)
      await clone.commit(message)
      return clone.push()
    },
    async reset() {
      await ask('fetch', '-q', 'origin')
      await ask('reset', '-q', '--hard', 'origin/main')
      await ask('clean', '-qfdx')
    },
  }
  return clone
}

/** Git pads each remote line with blanks that wipe what a terminal showed before. */
const remoteLines = (shown: string) =>
  shown
    .split(/[\r\n]/)
    .filter(line => line.startsWith('remote: '))
    .map(line => line.slice('remote: '.length).trimEnd())

/** In a process group of its own, so that it can be ended with all its children. */
function start(cwd: string, args: readonly string[]) {
  const child = Bun.spawn(['git', ...args], { cwd, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe', detached: true })
  let text = ''
  const reading = [child.stdout, child.stderr].map(async stream => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true })
  })
  return { pid: child.pid, shown: () => text, done: Promise.all([child.exited, ...reading]).then(([code]) => code) }
}

async function run(cwd: string, args: readonly string[]): Promise<{ code: number; shown: string }> {
  const started = start(cwd, args)
  const code = await started.done
  return { code, shown: started.shown() }
}

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const env = {
  PATH: process.env.PATH ?? '',
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
  readonly revision: string
}

/** A user's clone of a desired-state repository, driven by plain Git. */
export interface Clone {
  readonly path: string
  git(...args: string[]): Promise<{ code: number; shown: string }>
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>
  commit(message?: string): Promise<string>
  push(...args: string[]): Promise<PushResult>
  /** Writes, commits and pushes to main. */
  deliver(files: Readonly<Record<string, string | Uint8Array>>): Promise<PushResult>
}

export async function cloneOf(repository: string, path: string): Promise<Clone> {
  const run = async (cwd: string, args: readonly string[]) => {
    const child = Bun.spawn(['git', ...args], { cwd, env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
    const [out, error, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ])
    return { code, shown: out + error }
  }
  await mkdir(dirname(path), { recursive: true })
  const cloned = await run(dirname(path), ['clone', '-q', repository, path])
  if (cloned.code !== 0) throw new Error(cloned.shown)
  const git = (...args: string[]) => run(path, args)
  const clone: Clone = {
    path,
    git,
    async write(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true })
        await writeFile(join(path, name), content)
      }
    },
    async commit(message = 'A change') {
      await git('add', '-A')
      const { code, shown } = await git('commit', '-q', '--allow-empty', '-m', message)
      if (code !== 0) throw new Error(shown)
      return (await git('rev-parse', 'HEAD')).shown.trim()
    },
    async push(...args) {
      const revision = (await git('rev-parse', 'HEAD')).shown.trim()
      const { code, shown } = await git('push', ...(args.length > 0 ? args : ['origin', 'HEAD:main']))
      return { accepted: code === 0, shown, revision }
    },
    async deliver(files) {
      await clone.write(files)
      await clone.commit()
      return clone.push()
    },
  }
  return clone
}

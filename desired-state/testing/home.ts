import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Home, homeAt } from '../../runtime/os/home.ts'
import { minimalEnvironment, spawn } from '../../runtime/os/spawn.ts'
import { hooksFolder, initRepository } from '../git/init.ts'

export interface Clone {
  readonly path: string
  git(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }>
  /** Writes files (null removes), commits them all and gives the commit. */
  commit(files: Readonly<Record<string, string | Uint8Array | null>>): Promise<string>
}

export interface TestHome extends AsyncDisposable {
  readonly home: Home
  clone(): Promise<Clone>
}

/** A home with a repository in its starter state, and clones of it as a user would have them. */
export async function testHome(hooks = hooksFolder): Promise<TestHome> {
  const root = await mkdtemp(join(tmpdir(), 'ds-'))
  const home = homeAt(join(root, 'home'))
  await initRepository(home, hooks)
  let clones = 0
  return {
    home,
    async clone() {
      clones += 1
      return cloneOf(home.repository, join(root, `clone${clones}`), root)
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
}

async function cloneOf(repository: string, path: string, userHome: string): Promise<Clone> {
  const env = {
    ...minimalEnvironment,
    PATH: `${dirname(process.execPath)}:${minimalEnvironment.PATH}`,
    HOME: userHome,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ann',
    GIT_AUTHOR_EMAIL: 'ann@example.com',
    GIT_COMMITTER_NAME: 'Ann',
    GIT_COMMITTER_EMAIL: 'ann@example.com',
  }
  const git: Clone['git'] = (...args) => spawn(['git', '-C', path, ...args], { env })
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await git(...args)
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
    return stdout.trim()
  }
  await spawn(['git', 'clone', '--quiet', repository, path], { env })
  return {
    path,
    git,
    async commit(files) {
      for (const [name, content] of Object.entries(files)) {
        const file = join(path, name)
        await mkdir(dirname(file), { recursive: true })
        if (content === null) await rm(file)
        else await writeFile(file, content)
      }
      await done('add', '--all', '--force')
      await done('commit', '--quiet', '--allow-empty', '-m', 'a change')
      return done('rev-parse', 'HEAD')
    },
  }
}

import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { spawn, spawnChecked } from '../../../runtime/os/spawn.ts'

/** A repository on disk that a test commits to. Values are texts; `{ link }` makes a symbolic link. */
export interface TestRepository {
  readonly path: string
  commit(files: Readonly<Record<string, string | { readonly link: string } | null>>): Promise<string>
}

export async function createRepository(path: string): Promise<TestRepository> {
  const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com']
  const git = (...words: readonly string[]) => spawnChecked(spawn, ['/usr/bin/git', '-C', path, ...identity, ...words])
  await mkdir(path, { recursive: true })
  await git('init', '--quiet', '--initial-branch=main')
  return {
    path,
    async commit(files) {
      for (const [name, content] of Object.entries(files)) {
        const file = join(path, name)
        await mkdir(dirname(file), { recursive: true })
        await rm(file, { force: true })
        if (content === null) continue
        if (typeof content === 'string') await writeFile(file, content)
        else await symlink(content.link, file)
      }
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message', 'next')
      return (await git('rev-parse', 'HEAD')).trim()
    },
  }
}

import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { spawn, spawnChecked } from '../../runtime/os/spawn.ts'

const git = (folder: string, ...words: readonly string[]) =>
  spawnChecked(spawn, ['git', '-C', folder, '-c', 'user.name=Trial', '-c', 'user.email=trial@example.com', ...words])

/** The files of this checkout, committed or not, as the first commit of a repository. */
export async function publishProgram(checkout: string, repository: string): Promise<void> {
  const listed = await spawnChecked(spawn, [
    'git',
    '-C',
    checkout,
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
  ])
  for (const path of new Set(listed.split('\0').filter(Boolean))) {
    const from = join(checkout, path)
    if (!(await Bun.file(from).exists())) continue
    await mkdir(dirname(join(repository, path)), { recursive: true })
    await cp(from, join(repository, path), { verbatimSymlinks: true })
  }
  await git(repository, 'init', '--quiet', '--initial-branch=main')
  await git(repository, 'add', '--all')
  await git(repository, 'commit', '--quiet', '--message', 'The program')
}

/** A newer commit: another version number. */
export async function publishNewerVersion(repository: string, version: string): Promise<void> {
  const path = join(repository, 'package.json')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/"version": "[^"]*"/, `"version": "${version}"`))
  await git(repository, 'commit', '--quiet', '--all', '--message', `Version ${version}`)
}

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import { makeDirectory, readTextIfExists, removeIfExists, statIfExists, writeFileAtomic } from '../../runtime/os/files.ts'
import type { Home } from '../../runtime/os/home.ts'
import { spawnBytes } from '../../runtime/os/spawn.ts'
import { createGit, type Git, type SpawnBytes } from './command.ts'
import { storedCommit, storedRef } from './stored.ts'
import { mainRef, moveMain, writeCommit, writeTree } from './write.ts'

const room = join(import.meta.dir, '..')

/** The hooks of this program; the repository's own `hooks/` is never looked at. */
export const hooksFolder = join(room, 'hooks')

const headText = 'ref: refs/heads/main\n'

/**
 * Makes the bare repository of a home with the starter state as its first commit, completes what a crash left half made,
 * and sets its configuration anew. Changes nothing when all is there.
 */
export async function initRepository(
  home: Pick<Home, 'repository'>,
  hooks: string = hooksFolder,
  run: SpawnBytes = spawnBytes,
): Promise<void> {
  const path = home.repository
  await makeDirectory(path, 0o700)
  await ensureText(join(path, 'config'), configText(hooks))
  await removeOldLocks(path)
  if (!(await isComplete(path))) await layOut(path, hooks, run)
  const main = await storedRef(path, mainRef).catch(cause => brokenMain(path, cause))
  if (main === undefined && (await statIfExists(join(path, mainRef))) !== undefined) brokenMain(path)
  if (main === undefined) return seed(createGit(path, run))
  if ((await storedCommit(path, main)) === undefined) brokenMain(path)
}

/** Configuration of the repository, written whole at each start. */
export const configText = (hooks: string): string => `# Written by the appliance at each start; changes here are lost.
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = true
\tfsync = all
\thooksPath = ${quoted(hooks)}
[receive]
\tfsckObjects = true
\tmaxInputSize = 64m
\tdenyNonFastForwards = false
\tdenyDeletes = false
[gc]
\tauto = 1000
[uploadpack]
\tallowAnySHA1InWant = false
`

const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`

/** Milliseconds after which a lock is nobody's: Git holds it for the moment in which it writes a file. */
const longestLock = 60_000

/** What a Git that was killed left; no push would get past it. A push may be under way while we start. */
async function removeOldLocks(path: string): Promise<void> {
  for (const pattern of ['*.lock', 'refs/heads/**/*.lock', 'refs/tags/**/*.lock', 'refs/audit/**/*.lock']) {
    for await (const name of new Bun.Glob(pattern).scan({ cwd: path })) {
      const lock = join(path, name)
      const stat = await statIfExists(lock)
      if (stat !== undefined && Date.now() - stat.mtimeMs > longestLock) await removeIfExists(lock)
    }
  }
}

async function isComplete(path: string): Promise<boolean> {
  if ((await readTextIfExists(join(path, 'HEAD'))) !== headText) return false
  const folders = await Promise.all(['objects', 'refs'].map(name => statIfExists(join(path, name))))
  return folders.every(folder => folder?.isDirectory())
}

async function layOut(path: string, hooks: string, run: SpawnBytes): Promise<void> {
  // A HEAD that a crash cut short would make Git refuse the folder.
  await ensureText(join(path, 'HEAD'), headText)
  const git = createGit(path, run)
  await git.bytes(['init', '--quiet', '--bare', '--template=', '--object-format=sha1', '--initial-branch=main', path])
  await ensureText(join(path, 'config'), configText(hooks))
}

async function ensureText(path: string, text: string): Promise<void> {
  if ((await readTextIfExists(path)) !== text) await writeFileAtomic(path, text)
}

async function seed(git: Git): Promise<void> {
  const tree = await writeTree(git, undefined, await starterFiles())
  const author = { name: 'AI Infrastructure', email: 'appliance@localhost' }
  const commit = await writeCommit(git, tree, [], author, 'Starter state\n\nSix agents, no domains yet. Read README.md.')
  // Another process may have made the same first commit meanwhile.
  await moveMain(git, undefined, commit)
}

/** Every file of the starter repository; the JSON Schemas go with it, so that editors find them in a clone. */
export async function starterFiles(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const add = async (folder: string, prefix: string) => {
    const names = await Array.fromAsync(new Bun.Glob('**/*').scan({ cwd: folder, dot: true }))
    for (const name of names.sort()) files.set(`${prefix}${name}`, await readFile(join(folder, name), 'utf8'))
  }
  await add(join(room, 'template'), '')
  await add(join(room, 'schemas'), '.schemas/')
  return files
}

function brokenMain(path: string, cause?: unknown): never {
  throw new ApplianceError('stalled', 'main of the desired-state repository is damaged', {
    subject: path,
    hint: 'restore desired-state.git from a backup, or push main again from a clone into a new repository',
    cause,
  })
}

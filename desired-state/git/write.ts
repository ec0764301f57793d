import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApplianceError } from '../../runtime/os/errors.ts'
import type { Author, Edits } from '../repository.ts'
import { type Git, noRevision } from './command.ts'

export const mainRef = 'refs/heads/main'

const committer = { name: 'AI Infrastructure', email: 'appliance@localhost' }

/** Environment of `git commit-tree`. */
export const identityEnvironment = (author: Author): Readonly<Record<string, string>> => ({
  GIT_AUTHOR_NAME: plainName(author.name) || 'unknown',
  GIT_AUTHOR_EMAIL: plainName(author.email) || 'unknown',
  GIT_COMMITTER_NAME: committer.name,
  GIT_COMMITTER_EMAIL: committer.email,
})

/** What Git itself would drop or stumble over in a name. */
const plainName = (text: string) =>
  text
    .replace(/[\p{Cc}<>]+/gu, ' ')
    .replace(/^[\s.,:;"'\\]+|[\s.,:;"'\\]+$/g, '')
    .slice(0, 200)

/** Writes the tree of `base` (nothing, for the first commit) with the edits and gives its hash. */
export async function writeTree(git: Git, base: string | undefined, edits: Edits): Promise<string> {
  for (const path of edits.keys()) checkPath(path)
  const folder = await mkdtemp(join(tmpdir(), 'ai-infra-index-'))
  try {
    const env = { GIT_INDEX_FILE: join(folder, 'index') }
    const modes = base === undefined ? new Map<string, string>() : await modesOf(git, base, [...edits.keys()])
    const records: string[] = []
    for (const [path, text] of edits) {
      if (text === null) records.push(`0 ${noRevision}\t${path}\0`)
      else records.push(`${modes.get(path) ?? '100644'} ${await writeBlob(git, text)}\t${path}\0`)
    }
    if (base !== undefined) await git.bytes(['read-tree', base], { env })
    await git.bytes(['update-index', '-z', '--index-info'], { env, stdin: records.join('') })
    return await git.text(['write-tree'], { env })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const writeBlob = (git: Git, text: string) => git.text(['hash-object', '-w', '--stdin', '--no-filters'], { stdin: text })

async function modesOf(git: Git, base: string, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const listing = await git.text(['--literal-pathspecs', 'ls-tree', '-z', '--full-tree', base, '--', ...paths])
  return new Map(
    [...listing.matchAll(/(100\d{3}) blob [0-9a-f]{40}\t([^\0]+)\0/g)].map(([, mode = '', path = '']) => [path, mode]),
  )
}

function checkPath(path: string): void {
  const bad = path.split('/').some(part => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git')
  if (!bad && !/\p{Cc}/u.test(path)) return
  throw new ApplianceError('invalid', `${JSON.stringify(path)} is no path of a file in this repository`)
}

/** One commit; main is not moved. `signing`: options of Git that say with which key it is signed. */
export const writeCommit = (
  git: Git,
  tree: string,
  parents: readonly string[],
  author: Author,
  message: string,
  signing?: readonly string[],
): Promise<string> => {
  const sign = signing === undefined ? [] : ['-S']
  const words = ['commit-tree', ...sign, ...parents.flatMap(parent => ['-p', parent]), '-F', '-', tree]
  return git.text([...(signing ?? []), ...words], { stdin: `${message.trim()}\n`, env: identityEnvironment(author) })
}

/** Moves main from `from` to `to`, if it is still at `from`; `from` undefined: if it does not exist yet. */
export async function moveMain(git: Git, from: string | undefined, to: string): Promise<boolean> {
  const { code, stderr } = await git(['update-ref', '-m', 'the appliance', mainRef, to, from ?? noRevision])
  if (code === 0) return true
  // Somebody else holds or has moved main: Git names what it found, or the lock.
  if (/but expected|reference already exists|Unable to create '.*\.lock'/.test(stderr)) return false
  throw new ApplianceError('failed', `Git could not move main: ${stderr.trim()}`)
}

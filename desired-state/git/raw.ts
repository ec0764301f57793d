import { ApplianceError, explain } from '../../runtime/os/errors.ts'
import { isDocument, largestTree, mostEntries, type TreeEntry } from '../tree.ts'
import { largestDocument } from '../yaml.ts'
import type { Git } from './command.ts'

export interface ListedEntry {
  readonly mode: string
  readonly hash: string
  readonly size: number
  readonly path: string
}

export interface RawCommit {
  readonly parents: readonly string[]
  readonly entries: readonly TreeEntry[]
}

export const listArguments = (revision: string): readonly string[] => ['ls-tree', '-r', '-z', '-l', '--full-tree', revision]

/** Records of `git ls-tree -rzl`. */
export function parseListing(bytes: Uint8Array): readonly ListedEntry[] {
  const entries: ListedEntry[] = []
  for (const record of new TextDecoder().decode(bytes).split('\0')) {
    const match = /^(\d{6}) \w+ ([0-9a-f]{40}) +(\d+|-)\t([\s\S]+)$/.exec(record)
    if (match === null) continue
    const [, mode = '', hash = '', size = '', path = ''] = match
    entries.push({ mode: mode.padStart(6, '0'), hash, size: size === '-' ? 0 : Number(size), path })
  }
  return entries
}

/** Objects of `git cat-file --batch`, in the order they were asked for; undefined for a missing one. */
export function* parseBatch(bytes: Uint8Array): Generator<Uint8Array | undefined> {
  let at = 0
  while (at < bytes.byteLength) {
    const newline = bytes.indexOf(10, at)
    const header = new TextDecoder().decode(bytes.subarray(at, newline === -1 ? undefined : newline))
    const size = /^[0-9a-f]{40} \w+ (\d+)$/.exec(header)?.[1]
    at = newline === -1 ? bytes.byteLength : newline + 1
    if (size === undefined) {
      yield undefined
      continue
    }
    yield bytes.subarray(at, at + Number(size))
    at += Number(size) + 1
  }
}

/** Bytes; some kilobytes of objects can stand for millions of files, and a repository may have ten thousand. */
const longestListing = 8 * 1024 * 1024

function unlistable(cause: unknown): never {
  throw new ApplianceError('invalid', `its files cannot be listed: ${explain(cause)}`, {
    hint: 'a repository may have 10000 files',
    cause,
  })
}

/** Before anything is made of them: a hundred thousand would hold the runtime's thread for a second. */
function refuseMany(listing: Uint8Array): void {
  let files = 0
  for (let at = listing.indexOf(0); at !== -1 && files <= mostEntries; at = listing.indexOf(0, at + 1)) files += 1
  if (files > mostEntries) throw new ApplianceError('invalid', `this repository has more than ${mostEntries} files: remove some`)
}

/** Whether a file is read at all: a document that is a plain file and not too large. */
export const isRead = ({ mode, size, path }: ListedEntry): boolean =>
  isDocument(path) && mode.startsWith('100') && size <= largestDocument

/**
 * A commit by Git itself, from raw objects: attributes of the pusher have no say, and nothing large is read. Also sees
 * objects in quarantine, with the environment for it.
 */
export async function readRawCommit(git: Git, revision: string, env: Readonly<Record<string, string>>): Promise<RawCommit> {
  const listing = await git.bytes(listArguments(revision), { env, maxOutput: longestListing }).catch(unlistable)
  refuseMany(listing)
  const listed = parseListing(listing)
  const wanted = listed.filter(isRead)
  const stdin = [revision, ...wanted.map(entry => entry.hash), ''].join('\n')
  const total = wanted.reduce((sum, entry) => sum + entry.size, 0)
  if (total > largestTree)
    return { parents: [], entries: listed.map(({ mode, path, size }) => ({ mode, path, size, bytes: undefined })) }
  const [commit, ...blobs] = parseBatch(await git.bytes(['cat-file', '--batch'], { stdin, env, maxOutput: 2 * largestTree }))
  if (commit === undefined || !isCommit(commit))
    throw new ApplianceError('invalid', `${revision} is no commit of this repository`)
  const contents = new Map(wanted.map((entry, index) => [entry.path, blobs[index]]))
  return {
    parents: parentsOf(commit),
    entries: listed.map(({ mode, path, size, hash }) => ({ mode, path, size, hash, bytes: contents.get(path) })),
  }
}

/** A tag has a tree as well, and begins otherwise. */
const isCommit = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, 5)) === 'tree '

/** Git takes those between tree and author; a line of that name further down is anything that its writer wanted. */
function parentsOf(commit: Uint8Array): readonly string[] {
  const [parents = ''] = /(?<=^tree [0-9a-f]{40}\n)(?:parent [0-9a-f]{40}\n)*/.exec(new TextDecoder().decode(commit)) ?? []
  return [...parents.matchAll(/^parent ([0-9a-f]{40})$/gm)].map(match => match[1] ?? '')
}

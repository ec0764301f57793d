import fs from 'node:fs'
import git, { Errors, type ReadCommitResult } from 'isomorphic-git'
import type { CommitSummary } from '../repository.ts'
import { isDocument, type TreeEntry } from '../tree.ts'
import { largestDocument } from '../yaml.ts'

/**
 * Reads what is stored, in process. Each read has a cache of its own, so that no pack stays in memory; a read that
 * meets Git while it packs objects is made again.
 */
async function reading<T>(
  gitdir: string,
  read: (at: { fs: typeof fs; gitdir: string; cache: object }) => Promise<T>,
): Promise<T | undefined> {
  for (const last of [false, true]) {
    try {
      return await read({ fs, gitdir, cache: {} })
    } catch (error) {
      if (!(error instanceof Errors.NotFoundError || error instanceof Errors.ObjectTypeError)) throw error
      if (last) return undefined
    }
  }
  return undefined
}

export const storedRef = (gitdir: string, ref: string): Promise<string | undefined> =>
  reading(gitdir, at => git.resolveRef({ ...at, ref }))

export const storedCommit = (gitdir: string, oid: string): Promise<CommitSummary | undefined> =>
  reading(gitdir, async at => summary(await git.readCommit({ ...at, oid })))

export async function storedHistory(gitdir: string, from: string, limit: number): Promise<readonly CommitSummary[]> {
  const commits = await reading(gitdir, at => git.log({ ...at, ref: from, depth: limit }))
  return (commits ?? []).map(summary)
}

/** All entries of a commit's tree, with the content of its documents; undefined when there is no such commit. */
export const storedTree = (gitdir: string, revision: string): Promise<readonly TreeEntry[] | undefined> =>
  reading(gitdir, async at => {
    const entries: TreeEntry[] = []
    const walk = async (oid: string, prefix: string): Promise<void> => {
      const { tree } = await git.readTree({ ...at, oid })
      for (const { mode: rawMode, path: name, oid: hash, type } of tree) {
        const [path, mode] = [`${prefix}${name}`, rawMode.padStart(6, '0')]
        if (type === 'tree') await walk(hash, `${path}/`)
        else if (type === 'blob' && isDocument(path) && mode.startsWith('100')) {
          const { blob } = await git.readBlob({ ...at, oid: hash })
          const small = blob.byteLength <= largestDocument
          entries.push({ path, mode, hash, size: blob.byteLength, bytes: small ? blob : undefined })
        } else entries.push({ path, mode, hash, bytes: undefined })
      }
    }
    await walk(revision, '')
    return entries
  })

export const storedFile = (gitdir: string, oid: string, filepath: string): Promise<string | undefined> =>
  reading(gitdir, async at => new TextDecoder().decode((await git.readBlob({ ...at, oid, filepath })).blob))

/** A text that a ref names without a commit around it. */
export const storedBlob = (gitdir: string, oid: string): Promise<string | undefined> =>
  reading(gitdir, async at => new TextDecoder().decode((await git.readBlob({ ...at, oid })).blob))

/** The refs below a prefix, without it. */
export const storedNames = (gitdir: string, prefix: string): Promise<readonly string[]> =>
  git.listRefs({ fs, gitdir, filepath: prefix })

function summary({ oid, commit }: ReadCommitResult): CommitSummary {
  const [subject = '', ...rest] = commit.message.split('\n')
  return {
    revision: oid,
    parents: commit.parent,
    author: { name: commit.author.name, email: commit.author.email },
    date: new Date(commit.author.timestamp * 1000).toISOString(),
    subject,
    body: rest.join('\n').trim(),
  }
}

import type { Edits } from './repository.ts'

/** One file of a commit's tree. */
export interface TreeEntry {
  readonly path: string
  /** Git's mode: 100644, 100755, 120000 (link), 160000 (submodule). */
  readonly mode: string
  /** Content; undefined for what is no document, or has more bytes than one may have. */
  readonly bytes: Uint8Array | undefined
  /** Number of bytes, where they were not read. */
  readonly size?: number
  /** Git's hash of the content: what was parsed once is found again by it. */
  readonly hash?: string
}

/** Files of a commit, documents or not. */
export const mostEntries = 10_000

/** Bytes that all documents of a commit may have together. */
export const largestTree = 16 * 1024 * 1024

/** Whether a file's content takes part in the desired state; all others are the operator's own. */
export const isDocument = (path: string): boolean =>
  /^[^/]+\.ya?ml$|^TELOS\/[^/]+\.md$|^agents\/.+\.md$|^agents\/[^/]+\/tools\/[^/]+\.ts$/.test(path)

/** The tree as it would be with the edits. */
export function applyEdits(entries: readonly TreeEntry[], edits: Edits): readonly TreeEntry[] {
  const kept = entries.filter(entry => !edits.has(entry.path))
  const modes = new Map(entries.map(entry => [entry.path, entry.mode]))
  const written: TreeEntry[] = []
  for (const [path, text] of edits) {
    if (text === null) continue
    written.push({ path, mode: modes.get(path) ?? '100644', bytes: new TextEncoder().encode(text) })
  }
  return [...kept, ...written].sort((a, b) => (a.path < b.path ? -1 : 1))
}

import { spawnBytes } from '../../runtime/os/spawn.ts'
import { createGit } from './command.ts'
import { storedBlob, storedNames, storedRef } from './stored.ts'

const current = 'refs/audit/anchor'
const keptUnder = 'refs/audit/kept'

/** Texts under refs of their own, apart from every branch; clones take them only when they ask for them by name. */
export interface AuditNotes {
  get(): Promise<string | undefined>
  set(note: string): Promise<void>
  keep(note: string, name: string): Promise<void>
  kept(): Promise<readonly string[]>
}

/** Reads in process; Git itself writes. */
export function createAuditNotes(repository: string): AuditNotes {
  const git = createGit(repository, spawnBytes)
  const write = async (ref: string, note: string) => {
    const blob = await git.text(['hash-object', '-w', '--stdin', '--no-filters'], { stdin: note })
    await git.bytes(['update-ref', ref, blob])
  }
  const read = async (ref: string) => {
    const blob = await storedRef(repository, ref)
    return blob === undefined ? undefined : await storedBlob(repository, blob)
  }
  return {
    get: () => read(current),
    set: note => write(current, note),
    keep: (note, name) => write(`${keptUnder}/${name}`, note),
    async kept() {
      const names = await storedNames(repository, keptUnder)
      const notes = await Promise.all(names.map(name => read(`${keptUnder}/${name}`)))
      return notes.filter(note => note !== undefined)
    },
  }
}

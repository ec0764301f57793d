import type { Snapshot } from './restic/restic.ts'

/** Every snapshot of ours carries it. */
export const ourTag = 'ai-infra'

export interface RunIdentity {
  readonly name: string
  readonly run: string
  readonly appliance: string
}

const tagsOf = ({ name, run, appliance }: RunIdentity, part: string) => [
  ...[ourTag, `backup:${name}`, `run:${run}`, `appliance:${appliance}`, `part:${part}`],
]
export const postgresTags = (identity: RunIdentity) => tagsOf(identity, 'postgres')
export const filesTags = (identity: RunIdentity) => tagsOf(identity, 'files')

/** The snapshots of one run. */
export interface StoredRun extends RunIdentity {
  readonly time: Date
  readonly hostname: string
  /** The last snapshot of a run: without it the run was not finished. */
  readonly files: string | undefined
  readonly postgres: string | undefined
}

/** Runs by their snapshots, the newest first; snapshots of somebody else are left out. */
export function storedRuns(snapshots: readonly Snapshot[]): readonly StoredRun[] {
  const ours = snapshots.flatMap(snapshot => {
    const tagged = (key: string) => snapshot.tags.find(tag => tag.startsWith(`${key}:`))?.slice(key.length + 1)
    const [name, run, appliance, part] = ['backup', 'run', 'appliance', 'part'].map(tagged)
    if (!snapshot.tags.includes(ourTag) || !name || !run || !appliance || !part) return []
    return [{ ...snapshot, name, run, appliance, part }]
  })
  return [...Map.groupBy(ours, ({ run }) => run).values()]
    .flatMap(parts => {
      const [first] = parts
      if (first === undefined) return []
      const idOf = (wanted: string) => parts.find(({ part }) => part === wanted)?.id
      const { name, run, appliance, time, hostname } = first
      return [{ name, run, appliance, time, hostname, files: idOf('files'), postgres: idOf('postgres') }]
    })
    .sort((a, b) => b.time.getTime() - a.time.getTime())
}

export const isComplete = (run: StoredRun): run is StoredRun & { readonly files: string } => run.files !== undefined
